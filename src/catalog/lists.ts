/** The lists of all servers as they are now, what is made of them, and who is told of changes. */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { type CacheHints, leastHints, notKept } from "../protocol/cache-hints.ts";
import { type ListMethod, listMethods, listShapes } from "../protocol/lists.ts";
import type { RawList, Upstream } from "../upstream/upstream.ts";
import { type Built, build, nothingBuilt } from "./build.ts";
import type { Catalog, ListFault } from "./catalog.ts";
import type { Listed, Owner } from "./item.ts";
import type { Naming } from "./naming.ts";
import { type SoundItem, type SoundList, soundList } from "./sound.ts";
import { isOff, watch } from "./watch.ts";

export interface ListOptions {
  /** These two may change: then `refit` is called. */
  readonly servers: readonly Owner[];
  readonly naming: Naming;
  readonly clock: Clock;
  warn(message: string, fields: Record<string, unknown>): void;
}

export interface Lists {
  built(method: ListMethod): Built;
  /** Of all servers together; not to be kept while any list is missing. */
  hints(method: ListMethod): CacheHints;
  fault(server: string): ListFault | undefined;
  whyUnlisted(method: ListMethod, upstream: Upstream): string | undefined;
  starting(method: ListMethod): Promise<void> | undefined;
  announce(methods: Iterable<ListMethod>): void;
  refit: Catalog["refit"];
  hold: Catalog["hold"];
  /** Told at once, before anybody is announced anything. */
  onRebuilt(listener: (method: ListMethod) => void): void;
  onChange: Catalog["onChange"];
  stop(): void;
}

interface OneList {
  readonly method: ListMethod;
  /** By server. */
  readonly known: Map<string, SoundList>;
  readonly faults: Map<string, string>;
  readonly made: WeakMap<SoundItem, Listed>;
  built: Built;
  starting: boolean;
}

export function openLists(options: ListOptions): Lists {
  const { clock } = options;
  const rebuilt: ((method: ListMethod) => void)[] = [];
  const { announce, hold, onChange, stop } = announcer(clock);
  const all = new Map(
    listMethods.map((method): [ListMethod, OneList] => [
      method,
      {
        ...{ method, known: new Map(), faults: new Map(), made: new WeakMap() },
        ...{ built: nothingBuilt, starting: true },
      },
    ]),
  );
  const of = (method: ListMethod) => all.get(method) as OneList;

  const changed = (list: OneList) => {
    const before = list.built;
    list.built = rebuild(list, options);
    warnOfNew(before, list.built, options);
    for (const listener of rebuilt) listener(list.method);
    announce([list.method]);
  };
  const failed = (upstream: Upstream, method: ListMethod, why: string) => {
    of(method).faults.set(upstream.id, why);
    options.warn("list failed", { server: upstream.id, why });
  };
  const read = (upstream: Upstream, method: ListMethod, raw: RawList) => {
    const list = of(method);
    const { id } = upstream;
    list.faults.delete(id);
    const era = upstream.hello()?.era ?? "legacy";
    const before = list.known.get(id);
    if (before !== undefined && isSame(before, raw, era)) return;
    // What cannot be built changes nothing: one server must not take the others' items.
    try {
      list.known.set(id, soundList(method, raw, era));
      changed(list);
    } catch (thrown) {
      if (before === undefined) list.known.delete(id);
      else list.known.set(id, before);
      const { key } = listShapes[method];
      failed(upstream, method, `its ${key} could not be listed as they are: ${String(thrown)}`);
    }
  };
  /** A disabled server offers nothing: agents are told, and its calls say why. */
  const gone = ({ id }: Upstream) => {
    for (const list of all.values()) {
      list.faults.delete(id);
      if (list.known.delete(id)) changed(list);
    }
  };
  const watched = new Set<Upstream>();
  const begin = (upstream: Upstream) => {
    watched.add(upstream);
    // One that is no more has no say, and another one may have its id.
    const ifThere = (run: () => void) => {
      if (watched.has(upstream)) run();
    };
    return watch(upstream, {
      clock,
      read: (method, raw) => ifThere(() => read(upstream, method, raw)),
      failed: (method, why) => ifThere(() => failed(upstream, method, why)),
      gone: () => ifThere(() => gone(upstream)),
    });
  };
  const firsts = options.servers.map(({ upstream }) => begin(upstream));
  const settled = new Map(
    listMethods.map((method) => {
      const ended = Promise.all(firsts.map((first) => first[method])).then(() => {
        of(method).starting = false;
      });
      return [method, ended] as const;
    }),
  );

  return {
    built: (method) => of(method).built,
    hints: (method) => hintsOf(of(method), options),
    fault(server) {
      for (const { method, faults } of all.values()) {
        const why = faults.get(server);
        if (why !== undefined) return { method, why };
      }
      return undefined;
    },
    whyUnlisted(method, upstream) {
      const { known, faults } = of(method);
      if (known.has(upstream.id)) return undefined;
      return faults.get(upstream.id) ?? upstream.status().cause ?? "it did not answer yet";
    },
    starting(method) {
      if (!of(method).starting) return undefined;
      const late = new Promise<void>((resolve) => clock.after(limits.startWaitMs, resolve));
      return Promise.race([settled.get(method), late]);
    },
    announce,
    refit(remade) {
      const upstreams = options.servers.map(({ upstream }) => upstream);
      for (const one of [...watched]) if (!upstreams.includes(one)) watched.delete(one);
      const ids = new Set(upstreams.map(({ id }) => id));
      for (const list of all.values()) {
        for (const [id, { items }] of list.known) {
          if (!ids.has(id)) list.known.delete(id);
          else if (remade.has(id)) for (const item of items) list.made.delete(item);
        }
        for (const id of list.faults.keys()) if (!ids.has(id)) list.faults.delete(id);
        changed(list);
      }
      for (const one of upstreams) if (!watched.has(one)) begin(one);
    },
    hold,
    onRebuilt: (listener) => void rebuilt.push(listener),
    onChange,
    stop,
  };
}

function rebuild({ method, known, made, built, starting }: OneList, options: ListOptions): Built {
  const lists = options.servers.flatMap((owner) => {
    const list = known.get(owner.upstream.id);
    return list === undefined ? [] : [{ owner, list }];
  });
  const servers = options.servers.map(({ upstream }) => upstream.id);
  const before = starting ? undefined : built;
  return build(method, lists, { naming: options.naming, servers, before, made });
}

function isSame(before: SoundList, { items, hints }: RawList, era: SoundList["era"]): boolean {
  if (before.era !== era || before.raw.length !== items.length) return false;
  const { ttlMs, cacheScope } = before.hints;
  if (hints.ttlMs !== ttlMs || hints.cacheScope !== cacheScope) return false;
  return items.every((item, index) => item.text === before.raw[index]?.text);
}

/** Each is told once, not with every change of any list. */
function warnOfNew(before: Built, now: Built, { warn }: ListOptions): void {
  const text = (one: Built["quarantined"][number]) => JSON.stringify(one);
  const known = new Set(before.quarantined.map(text));
  for (const one of now.quarantined) {
    if (!known.has(text(one))) warn(`${one.kind} is not offered`, { ...one });
  }
}

function hintsOf({ method, known, faults }: OneList, { servers }: ListOptions): CacheHints {
  if (faults.size > 0) return notKept;
  const { capability } = listShapes[method];
  const parts: CacheHints[] = [];
  for (const { upstream } of servers) {
    if (isOff(upstream.status().state)) continue;
    const list = known.get(upstream.id);
    if (list === undefined) return notKept;
    const has = upstream.hello()?.capabilities[capability] !== undefined;
    if (has) parts.push(list.hints);
  }
  return leastHints(parts);
}

/** Tells of changes once for all that came within a moment (R12). */
function announcer(clock: Clock): Pick<Lists, "announce" | "hold" | "onChange" | "stop"> {
  const listeners = new Set<(changed: ReadonlySet<ListMethod>) => void>();
  let pending = new Set<ListMethod>();
  let cancel: (() => void) | undefined;
  let held = 0;
  const tell = () => {
    cancel = undefined;
    if (held > 0 || pending.size === 0) return;
    const changed = pending;
    pending = new Set();
    for (const listener of listeners) listener(changed);
  };
  return {
    announce(methods) {
      for (const method of methods) pending.add(method);
      cancel ??= clock.after(limits.listChangedMs, tell);
    },
    hold() {
      held += 1;
      let mine = 1;
      const release = () => {
        held -= mine;
        mine = 0;
        // What changed last may still be on its way.
        if (held === 0) cancel ??= clock.after(limits.listChangedMs, tell);
      };
      clock.after(limits.startWaitMs, release);
      return release;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: () => cancel?.(),
  };
}
