/** Reads each list of a server when it becomes ready and whenever it says that one changed. */

import { asFault } from "../base/errors.ts";
import { member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { notKept } from "../protocol/cache-hints.ts";
import { type ListMethod, listMethods, listShapes } from "../protocol/lists.ts";
import type { RawList, Upstream, UpstreamState } from "../upstream/upstream.ts";

export interface WatchPorts {
  readonly clock: Clock;
  read(method: ListMethod, list: RawList): void;
  failed(method: ListMethod, why: string): void;
  /** It is disabled: it offers nothing. */
  gone(): void;
}

/** For each list a promise that resolves when its first read has ended, well or not. */
export function watch(
  upstream: Upstream,
  ports: WatchPorts,
): Readonly<Record<ListMethod, Promise<void>>> {
  const readers = listMethods.map((method) => [method, reader(upstream, method, ports)] as const);
  const byMethod = new Map(readers);
  upstream.onChange((change) => {
    if (change.kind === "updated") return;
    if (change.kind === "list") {
      byMethod.get(change.method)?.refresh();
      // One notification tells of both.
      if (change.method === "resources/list") byMethod.get("resources/templates/list")?.refresh();
      return;
    }
    const { state } = upstream.status();
    if (state === "ready") for (const [, one] of readers) one.refresh();
    else if (state !== "starting" && state !== "idle") {
      if (isOff(state)) ports.gone();
      for (const [, one] of readers) one.end();
    }
  });
  const { state } = upstream.status();
  for (const [, one] of readers) {
    if (state === "ready") one.refresh();
    if (isOff(state)) one.end();
  }
  return Object.fromEntries(readers.map(([method, one]) => [method, one.first])) as Record<
    ListMethod,
    Promise<void>
  >;
}

/** It offers nothing, and will not without somebody's doing. */
export function isOff(state: UpstreamState): boolean {
  return state === "disabled" || state === "stopped";
}

interface Reader {
  refresh(): void;
  /** Nothing to wait for any more. */
  end(): void;
  readonly first: Promise<void>;
}

/** One read at a time; what is told meanwhile makes one more (R12). */
function reader(upstream: Upstream, method: ListMethod, ports: WatchPorts): Reader {
  const begun: number[] = [];
  let running = false;
  let again = false;
  let end: () => void = () => undefined;
  const first = new Promise<void>((resolve) => {
    end = resolve;
  });
  const read = async () => {
    begun.push(ports.clock.mono());
    if (begun.length > limits.relists) begun.shift();
    const found = await readList(upstream, method);
    // It may have been disabled meanwhile, and offers nothing then.
    if (!isOff(upstream.status().state)) {
      if (typeof found === "string") ports.failed(method, found);
      else ports.read(method, found);
    }
    end();
    running = false;
    if (again) refresh();
  };
  const refresh = () => {
    again = running;
    if (running) return;
    running = true;
    const oldest = begun.length < limits.relists ? undefined : begun[0];
    const waitMs = oldest === undefined ? 0 : oldest + limits.relistWindowMs - ports.clock.mono();
    if (waitMs <= 0) void read();
    else ports.clock.after(waitMs, () => void read());
  };
  return { refresh, end, first };
}

/** The list, or why there is none. */
async function readList(upstream: Upstream, method: ListMethod): Promise<RawList | string> {
  const capabilities = upstream.hello()?.capabilities ?? {};
  if (member(capabilities, listShapes[method].capability) === undefined) return noList;
  try {
    return await upstream.list(method);
  } catch (thrown) {
    const error = asFault(thrown, `Cannot list "${method}" of "${upstream.id}"`);
    const why = `${error.code}: ${error.message}${error.why === "" ? "" : `: ${error.why}`}`;
    return `its ${words[method]} could not be listed: ${why}`;
  }
}

const noList: RawList = { items: [], hints: notKept };

const words: Readonly<Record<ListMethod, string>> = {
  "tools/list": "tools",
  "prompts/list": "prompts",
  "resources/list": "resources",
  "resources/templates/list": "resource templates",
};
