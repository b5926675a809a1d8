/** Reads each list of a server when it is ready, when it says that one changed, and by timer. */

import { asFault } from "../base/errors.ts";
import { member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Random } from "../base/ports.ts";
import { notKept } from "../protocol/cache-hints.ts";
import { type ListMethod, listMethods, listShapes } from "../protocol/lists.ts";
import type { RawList, Upstream, UpstreamState } from "../upstream/upstream.ts";

export interface WatchPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** False: it is not taken as it is, and asked for again soon. */
  read(method: ListMethod, list: RawList): boolean;
  failed(method: ListMethod, why: string): void;
  /** A list that is well is read again after this long. */
  freshMs(method: ListMethod): number;
  /** It is disabled: it offers nothing. */
  gone(): void;
}

export interface Watch {
  /** For each list: resolves when its first read has ended, well or not. */
  readonly first: Readonly<Record<ListMethod, Promise<void>>>;
  /** Reads nothing more. */
  stop(): void;
}

export function watch(upstream: Upstream, ports: WatchPorts): Watch {
  const readers = listMethods.map((method) => [method, reader(upstream, method, ports)] as const);
  const byMethod = new Map(readers);
  let stopped = false;
  upstream.onChange((change) => {
    if (stopped || change.kind === "updated") return;
    if (change.kind === "list") {
      byMethod.get(change.method)?.refresh();
      // One notification tells of both.
      if (change.method === "resources/list") byMethod.get("resources/templates/list")?.refresh();
      return;
    }
    const { state } = upstream.status();
    if (state === "ready") for (const [, one] of readers) one.refresh();
    else if (!mayComeSoon(state)) {
      if (isOff(state)) ports.gone();
      for (const [, one] of readers) one.end();
    }
  });
  const { state } = upstream.status();
  for (const [, one] of readers) {
    if (state === "ready") one.refresh();
    if (!mayComeSoon(state)) one.end();
  }
  const first = Object.fromEntries(readers.map(([method, one]) => [method, one.first]));
  return {
    first: first as Record<ListMethod, Promise<void>>,
    stop() {
      stopped = true;
      for (const [, one] of readers) one.stop();
    },
  };
}

/** Its first list is on its way; one that failed once is not waited for. */
function mayComeSoon(state: UpstreamState): boolean {
  return state === "idle" || state === "starting" || state === "ready";
}

/** It can be asked for its lists without a new connection. */
export function isConnected(state: UpstreamState): boolean {
  return state === "ready" || state === "degraded";
}

/** It offers nothing, and will not without somebody's doing. */
export function isOff(state: UpstreamState): boolean {
  return state === "disabled" || state === "stopped";
}

interface Reader {
  refresh(): void;
  /** Nothing to wait for any more. */
  end(): void;
  stop(): void;
  readonly first: Promise<void>;
}

/** One read at a time; what is told meanwhile makes one more (R12). */
function reader(upstream: Upstream, method: ListMethod, ports: WatchPorts): Reader {
  const { clock, random } = ports;
  const begun: number[] = [];
  let running = false;
  let again = false;
  let stopped = false;
  let failures = 0;
  let cancel: () => void = () => undefined;
  let end: () => void = () => undefined;
  const first = new Promise<void>((resolve) => {
    end = resolve;
  });
  const read = async () => {
    begun.push(clock.mono());
    if (begun.length > limits.relists) begun.shift();
    const found = await readList(upstream, method);
    // It may have been disabled meanwhile, and offers nothing then.
    if (!stopped && !isOff(upstream.status().state)) lookAgain(take(found));
    end();
    running = false;
    if (again) refresh();
  };
  const take = (found: RawList | string): boolean => {
    if (typeof found !== "string") return ports.read(method, found);
    ports.failed(method, found);
    return false;
  };
  const lookAgain = (isWell: boolean) => {
    failures = isWell ? 0 : failures + 1;
    const most = isWell ? ports.freshMs(method) : backoffMs(failures);
    cancel();
    cancel = clock.after(jittered(most, random), () => {
      // Without a connection the next one will read it.
      if (isConnected(upstream.status().state)) refresh();
    });
  };
  const refresh = () => {
    again = running;
    if (running || stopped) return;
    running = true;
    const oldest = begun.length < limits.relists ? undefined : begun[0];
    const waitMs = oldest === undefined ? 0 : oldest + limits.relistWindowMs - clock.mono();
    if (waitMs <= 0) void read();
    else clock.after(waitMs, () => void read());
  };
  const stop = () => {
    stopped = true;
    cancel();
  };
  return { refresh, end, stop, first };
}

function backoffMs(failures: number): number {
  return Math.min(limits.relistFirstMs * 2 ** (failures - 1), limits.relistLastMs);
}

/** Never later than `ms`: servers that were started together are not asked together for ever. */
function jittered(ms: number, random: Random): number {
  const [byte = 0] = random.bytes(1);
  return ms * (1 - limits.relistJitter * (byte / 255));
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
    return `its ${listWords[method]} could not be listed: ${why}`;
  }
}

const noList: RawList = { items: [], hints: notKept };

export const listWords: Readonly<Record<ListMethod, string>> = {
  "tools/list": "tools",
  "prompts/list": "prompts",
  "resources/list": "resources",
  "resources/templates/list": "resource templates",
};
