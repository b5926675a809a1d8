/** The lists of all servers as they are now, what is made of them, and who is told of changes. */

import { serverDisabled } from "../base/disabled.ts";
import { causeText, fault as failure, type GatewayError, tellsWhy } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Random } from "../base/ports.ts";
import { type CacheHints, leastHints, notKept } from "../protocol/cache-hints.ts";
import { type ListMethod, listMethods, listShapes } from "../protocol/lists.ts";
import type { RawList, ServerHello, Upstream } from "../upstream/upstream.ts";
import { openAges } from "./ages.ts";
import { type Built, build, nothingBuilt } from "./build.ts";
import type { Catalog, ListFault } from "./catalog.ts";
import { freshMs } from "./fresh.ts";
import type { Listed, Owner } from "./item.ts";
import type { KeptLists } from "./kept.ts";
import { type Left, whatLeft } from "./left.ts";
import type { Naming } from "./naming.ts";
import { restore } from "./restore.ts";
import { type SoundItem, type SoundList, soundList } from "./sound.ts";
import { firstStarts } from "./starting.ts";
import { isConnected, isOff, listWords, type Watch, watch } from "./watch.ts";

export interface ListOptions {
  /** These two may change: then `refit` is called. */
  readonly servers: readonly Owner[];
  readonly naming: Naming;
  readonly clock: Clock;
  readonly random: Random;
  /** Servers in their first start are waited for so long after this is opened. */
  readonly startWaitMs: number;
  /** undefined: a start knows nothing of what was before it. */
  readonly kept?: KeptLists | undefined;
  warn(message: string, fields: Record<string, unknown>): void;
}

export interface Lists {
  built(method: ListMethod): Built;
  /** Of all servers together; not to be kept while any list is missing. */
  hints(method: ListMethod): CacheHints;
  /** What a server says of itself, or said before the gateway's start. */
  hello(upstream: Upstream): ServerHello | undefined;
  fault(server: string): ListFault | undefined;
  age: Catalog["listAge"];
  whyUnlisted(method: ListMethod, upstream: Upstream): GatewayError | undefined;
  left: Left["of"];
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
  const { clock, random, kept } = options;
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
  const failed = ({ id: server }: Upstream, method: ListMethod, why: string) => {
    const { faults } = of(method);
    // Tried again and again: the log needs no line for each.
    if (faults.get(server) !== why) options.warn("list failed", { server, why });
    faults.set(server, why);
  };
  const ages = openAges(clock, ({ upstream: { id: server }, lists }, method) => {
    kept?.forget(server, method);
    const list = of(method);
    const had = list.known.get(server)?.raw.length ?? 0;
    if (!list.known.delete(server) || had === 0) return;
    const maxStaleMs = lists.maxStaleMs;
    options.warn("list is too old to be shown", { server, list: method, items: had, maxStaleMs });
    changed(list);
  });
  const { hellos, lists: restored } = restore(options, ages);
  for (const { server, method, list } of restored) of(method).known.set(server, list);
  for (const list of all.values()) if (list.known.size > 0) list.built = rebuild(list, options);

  const left = whatLeft();

  const read = (owner: Owner, method: ListMethod, raw: RawList): boolean => {
    const list = of(method);
    const { upstream } = owner;
    const { id } = upstream;
    const before = list.known.get(id);
    if (raw.items.length === 0 && before !== undefined && before.raw.length > 0) {
      failed(upstream, method, `it lists no ${listWords[method]}, and had ${before.raw.length}`);
      return false;
    }
    const hello = upstream.hello();
    const era = hello?.era ?? "legacy";
    const same = before !== undefined && isSame(before, raw, era);
    // What cannot be built changes nothing: one server must not take the others' items.
    try {
      left.forget(id);
      list.faults.delete(id);
      if (!same) {
        list.known.set(id, soundList(method, raw, era));
        changed(list);
      }
    } catch (thrown) {
      if (before === undefined) list.known.delete(id);
      else list.known.set(id, before);
      const { key } = listShapes[method];
      failed(upstream, method, `its ${key} could not be listed as they are: ${causeText(thrown)}`);
      return false;
    }
    ages.good(owner, method);
    const { hints } = raw;
    const items = same ? before.raw : raw.items;
    if (hello !== undefined) kept?.save(id, method, { readMs: clock.now(), hello, hints, items });
    return true;
  };
  /** What had anything of it. `forget`: what is kept of it too. */
  const drop = (id: string, forget: boolean): readonly OneList[] => {
    hellos.delete(id);
    return [...all.values()].filter(({ method, faults, known }) => {
      faults.delete(id);
      ages.forget(id, method);
      if (forget) kept?.forget(id, method);
      return known.delete(id);
    });
  };
  /** A disabled server offers nothing: agents are told, and its calls say why. */
  const gone = ({ id }: Upstream) => {
    for (const list of drop(id, false)) {
      left.keep(list.method, list.built, id);
      changed(list);
    }
  };

  const watches = new Map<Upstream, Watch>();
  const begin = (owner: Owner) => {
    const { upstream } = owner;
    const watching = watch(upstream, {
      ...{ clock, random },
      read: (method, raw) => read(owner, method, raw),
      failed: (method, why) => failed(upstream, method, why),
      freshMs: (method) => freshMs(owner, method, of(method).known.get(upstream.id)?.hints),
      gone: () => gone(upstream),
    });
    watches.set(upstream, watching);
    return { upstream, first: watching.first };
  };
  /** Another server has the name now: it has the lists of the one before until it is asked once. */
  const succeed = ({ upstream: { id } }: Owner, first: Watch["first"]) => {
    for (const list of all.values()) {
      void first[list.method].then(() => {
        if (ages.readMs(id, list.method) === undefined && list.known.delete(id)) changed(list);
      });
    }
  };
  const starts = firstStarts(options.servers.map(begin), options, {
    settled: (method) => void Object.assign(of(method), { starting: false }),
    isKnown: (method, server) => of(method).known.has(server),
  });
  const fault = (server: string) => {
    for (const { method, faults } of all.values()) {
      const why = faults.get(server);
      if (why !== undefined) return { method, why };
    }
    return undefined;
  };

  return {
    built: (method) => of(method).built,
    hello: (upstream) => upstream.hello() ?? hellos.get(upstream.id),
    hints(method) {
      const hello = (upstream: Upstream) => upstream.hello() ?? hellos.get(upstream.id);
      return hintsOf(of(method), hello, options);
    },
    fault,
    age(server) {
      const owner = options.servers.find(({ upstream }) => upstream.id === server);
      if (owner === undefined) return undefined;
      const shown = listMethods.filter((one) => (of(one).known.get(server)?.raw.length ?? 0) > 0);
      const read = shown.flatMap((method) => ages.readMs(server, method) ?? []);
      if (read.length === 0) return undefined;
      const readMs = Math.min(...read);
      const { state } = owner.upstream.status();
      const unread = shown.some((method) => starts.pending(method, server));
      const stale =
        fault(server)?.why ??
        (isConnected(state) ? undefined : `the server is in state ${state}`) ??
        (unread ? "the server was not asked since the gateway started" : undefined);
      const leavesMs = stale === undefined ? undefined : readMs + owner.lists.maxStaleMs;
      return { readMs, stale, leavesMs };
    },
    whyUnlisted: (method, upstream) => whyUnlisted(of(method), upstream),
    left: left.of,
    starting: starts.wait,
    announce,
    refit(remade) {
      const upstreams = new Set(options.servers.map(({ upstream }) => upstream));
      const ids = new Set([...upstreams].map(({ id }) => id));
      for (const [one, watching] of watches) {
        if (upstreams.has(one)) continue;
        // It has no say any more.
        watching.stop();
        watches.delete(one);
        left.forget(one.id);
        if (!ids.has(one.id)) drop(one.id, true);
        else for (const method of listMethods) ages.forget(one.id, method);
      }
      for (const list of all.values()) {
        for (const [id, { items }] of list.known) {
          if (remade.has(id)) for (const item of items) list.made.delete(item);
        }
        changed(list);
      }
      for (const owner of options.servers) {
        const { id } = owner.upstream;
        if (!watches.has(owner.upstream)) succeed(owner, begin(owner).first);
        // Its max_stale may be another one.
        for (const method of remade.has(id) ? listMethods : []) {
          const readMs = ages.readMs(id, method);
          if (readMs !== undefined) ages.good(owner, method, readMs);
        }
      }
    },
    hold,
    onRebuilt: (listener) => void rebuilt.push(listener),
    onChange,
    stop() {
      for (const one of watches.values()) one.stop();
      starts.stop();
      ages.stop();
      stop();
    },
  };
}

function whyUnlisted({ known, faults }: OneList, upstream: Upstream) {
  const { id } = upstream;
  if (known.has(id)) return undefined;
  const now = upstream.status();
  if (now.state === "disabled") return serverDisabled(id, now);
  const message = `What server "${id}" offers is not known now`;
  const cause = faults.get(id) ?? now.cause ?? "it did not answer yet";
  return failure("GW_UPSTREAM_DOWN", { message, cause, fix: tellsWhy(id) });
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

/** Each is told once, not with every change of any list; many with one reason in one line. */
function warnOfNew(before: Built, now: Built, { warn }: ListOptions): void {
  const text = (one: Built["quarantined"][number]) => JSON.stringify(one);
  const known = new Set(before.quarantined.map(text));
  const reasons = Map.groupBy(
    now.quarantined.filter((one) => !known.has(text(one))),
    ({ server, kind, why }) => JSON.stringify([server, kind, why]),
  );
  for (const [first, ...others] of reasons.values()) {
    if (first === undefined) continue;
    const more = others.length === 0 ? {} : { more: others.length };
    warn(`${first.kind} is not offered`, { ...first, ...more });
  }
}

function hintsOf(
  { method, known, faults }: OneList,
  hello: Lists["hello"],
  { servers }: ListOptions,
): CacheHints {
  if (faults.size > 0) return notKept;
  const { capability } = listShapes[method];
  const parts: CacheHints[] = [];
  for (const { upstream } of servers) {
    const { state } = upstream.status();
    if (isOff(state)) continue;
    const list = known.get(upstream.id);
    // What is shown of a server that is away may change as soon as it is back.
    if (list === undefined || !isConnected(state)) return notKept;
    const has = hello(upstream)?.capabilities[capability] !== undefined;
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
