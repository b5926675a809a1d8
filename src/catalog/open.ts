/** The live catalog: reads lists when servers become ready or say so, keeps each key's view. */

import { createHash } from "node:crypto";
import { asFault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { Candidates, Policy, Subject } from "../policy/model.ts";
import type { Era } from "../protocol/message.ts";
import type { RawItem, Upstream } from "../upstream/upstream.ts";
import { type Built, buildTools, type Naming, type ServerTools } from "./build.ts";
import type { Catalog, Item, Tool, VisibleList } from "./catalog.ts";

export interface CatalogOptions {
  readonly servers: readonly {
    readonly upstream: Upstream;
    timeout(tool: string): Tool["timeout"];
  }[];
  readonly naming: Naming;
  /** The policy in force now. */
  policy(): Policy;
  readonly clock: Clock;
  warn(message: string, fields: Record<string, unknown>): void;
}

/** One key's prepared view; dropped whole when tools or policy change. */
interface View {
  readonly candidates: WeakMap<Item, Candidates>;
  readonly lists: Partial<Record<Era, VisibleList>>;
}

export function openCatalog(options: CatalogOptions): Catalog {
  const lists = new Map<string, readonly RawItem[]>();
  const faults = new Map<string, string>();
  const listeners = new Set<() => void>();
  let built: Built = { tools: new Map(), quarantined: [] };
  let views = new WeakMap<Subject, View>();
  let announce: (() => void) | undefined;

  const forget = () => {
    views = new WeakMap();
    announce ??= options.clock.after(limits.listChangedMs, () => {
      announce = undefined;
      for (const listener of listeners) listener();
    });
  };
  const rebuild = (changed: string, items: readonly RawItem[]) => {
    const known: ServerTools[] = [];
    for (const { upstream, timeout } of options.servers) {
      const its = upstream.id === changed ? items : lists.get(upstream.id);
      if (its) known.push({ server: upstream.id, upstream, items: its, timeout });
    }
    // A list that cannot be built changes nothing: one server must not take the others' tools.
    built = buildTools(known, options.naming);
    lists.set(changed, items);
    for (const q of built.quarantined) options.warn("tool is not offered", { ...q });
    forget();
  };
  /** A disabled server offers nothing: agents are told, and its calls say why. */
  const drop = (server: string) => {
    faults.delete(server);
    if (!lists.delete(server)) return;
    built = buildTools(
      options.servers.flatMap(({ upstream, timeout }) => {
        const items = lists.get(upstream.id);
        return items === undefined ? [] : [{ server: upstream.id, upstream, items, timeout }];
      }),
      options.naming,
    );
    forget();
  };
  const firstLists = options.servers.map(({ upstream }) =>
    watch(upstream, options, (found) => {
      if (found === undefined) drop(upstream.id);
      else if (typeof found === "string") faults.set(upstream.id, found);
      else {
        rebuild(upstream.id, found);
        faults.delete(upstream.id);
      }
    }),
  );
  const settled = Promise.all(firstLists);
  let starting = true;
  settled.then(() => {
    starting = false;
  });

  const firstStarts = async () => {
    await Promise.race([settled, delay(options.clock, limits.startWaitMs)]);
  };

  const viewOf = (subject: Subject): View => {
    let view = views.get(subject);
    if (view === undefined) {
      view = { candidates: new WeakMap(), lists: {} };
      views.set(subject, view);
    }
    return view;
  };
  const candidates = (subject: Subject, item: Item): Candidates => {
    const prepared = viewOf(subject).candidates;
    let found = prepared.get(item);
    if (found === undefined) {
      const target = { kind: item.kind, name: item.target, declared: item.declared };
      found = options.policy().candidates(subject, target);
      prepared.set(item, found);
    }
    return found;
  };

  return {
    tool: (exposed) => built.tools.get(exposed),
    prompt: () => undefined,
    resource: () => undefined,
    candidates,
    async visibleTools(subject, era) {
      if (starting) await firstStarts();
      const view = viewOf(subject);
      view.lists[era] ??= render(built, era, (tool) => candidates(subject, tool));
      return view.lists[era];
    },
    starting: () => (starting ? firstStarts() : undefined),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    all: () => [...built.tools.values()],
    quarantined: () => built.quarantined,
    guess(exposed) {
      const owner = options.servers.find(({ upstream }) => exposed.startsWith(`${upstream.id}__`));
      if (owner === undefined) return undefined;
      const { id } = owner.upstream;
      const cause = faults.get(id) ?? owner.upstream.status().cause ?? "it did not answer yet";
      const unlisted = lists.has(id) ? undefined : cause;
      return { server: id, tool: exposed.slice(id.length + 2), unlisted };
    },
    listFault: (server) => faults.get(server),
    policyChanged: forget,
    stop: () => announce?.(),
  };
}

/**
 * Lists a server whenever it becomes ready or says that its tools changed; undefined: it is
 * disabled. The promise resolves when its first start has ended, well or not.
 */
function watch(
  upstream: Upstream,
  options: CatalogOptions,
  found: (items: readonly RawItem[] | string | undefined) => void,
): Promise<void> {
  return new Promise((resolve) => {
    let running = false;
    let again = false;
    const refresh = async () => {
      again = running;
      if (running) return;
      running = true;
      try {
        found(await upstream.list("tools/list"));
      } catch (thrown) {
        const error = asFault(thrown, `Cannot list the tools of "${upstream.id}"`);
        const why = `${error.code}: ${error.message}${error.why === "" ? "" : `: ${error.why}`}`;
        found(`its tools could not be listed: ${why}`);
        options.warn("list failed", { server: upstream.id, why });
      }
      running = false;
      resolve();
      if (again) void refresh();
    };
    upstream.onChange((change) => {
      const { state } = upstream.status();
      if (change.kind === "list") {
        if (change.method === "tools/list") void refresh();
      } else if (state === "ready") void refresh();
      else if (state !== "starting" && state !== "idle") {
        if (state === "disabled" || state === "stopped") found(undefined);
        resolve();
      }
    });
    if (upstream.status().state === "ready") void refresh();
    if (["disabled", "stopped"].includes(upstream.status().state)) resolve();
  });
}

function render(built: Built, era: Era, candidates: (tool: Tool) => Candidates): VisibleList {
  const texts: string[] = [];
  for (const tool of built.tools.values()) {
    const text = tool.text[era];
    if (text !== undefined && candidates(tool).visibility !== "deny") texts.push(text);
  }
  const json = `[${texts.join(",")}]`;
  return { json, hash: createHash("sha256").update(json).digest("hex") };
}

function delay(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
