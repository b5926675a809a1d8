/** The servers there are: the one place where one comes, goes or changes while the gateway runs. */

import { limits } from "../base/limits.ts";
import type { SizeLimit } from "../base/units.ts";
import type { InFlight } from "../call/board.ts";
import { openUpstream } from "../upstream/open.ts";
import type { UpstreamOptions } from "../upstream/settings.ts";
import { openSwappable, type Swappable } from "../upstream/swap.ts";
import type { Upstream, UpstreamControl } from "../upstream/upstream.ts";
import type { ServerDiff } from "./config-diff.ts";
import type { ServerConfig, TimeoutConfig } from "./config-model.ts";
import { type ServerHistory, withHistory } from "./live-history.ts";

export interface Server {
  readonly id: string;
  /** In force now. */
  readonly config: ServerConfig;
  /** What answers now was opened with it: until another one takes over it may be an older one. */
  readonly running: ServerConfig;
  readonly lists: ServerConfig["lists"];
  readonly upstream: Upstream & UpstreamControl;
  readonly history: ServerHistory;
  /** Of the server's own name of a tool. */
  timeout(tool: string): TimeoutConfig;
  idempotent(tool: string): boolean;
  maxArgs(tool: string): SizeLimit | undefined;
}

export interface Servers {
  /** In the order of the config. */
  readonly all: readonly Server[];
  get(id: string): Server | undefined;
  /** Told at once when servers came or went, or their settings changed. */
  onChange(listener: (change: ServersChange) => void): void;
  /** Opens what the change needs and starts none of it. Throws what opening throws. */
  prepare(next: readonly ServerConfig[], diffs: readonly ServerDiff[]): PreparedServers;
  stop(): Promise<void>;
}

export interface ServersChange {
  readonly added: readonly Server[];
  /** Gone, or another one has the name now. */
  readonly removed: readonly Server[];
  /** What was made of their settings is to be made anew. */
  readonly remade: ReadonlySet<string>;
}

export interface PreparedServers {
  /** The change is in force when this returns; `settled`: new ones are up, or have failed. */
  apply(): { readonly settled: Promise<void> };
  /** It is not wanted. */
  drop(): void;
}

export interface ServersOptions extends Omit<UpstreamOptions, "config"> {
  readonly servers: readonly ServerConfig[];
  /** Calls in flight: a server that goes is stopped when those it has are over. */
  readonly calls: InFlight;
}

/** What a server may have, read for each call. */
interface Room {
  maxInFlight: number;
  maxQueued: number;
  maxResult: SizeLimit | undefined;
}

interface Kept extends Server {
  config: ServerConfig;
  running: ServerConfig;
  readonly swappable: Swappable;
}

type Opened = Upstream & UpstreamControl;

export function openServers(options: ServersOptions): Servers {
  const { clock, calls } = options;
  const listeners: ((change: ServersChange) => void)[] = [];
  const leaving = new Set<Kept>();
  const room = new Map<string, Room>();
  let all: readonly Kept[] = options.servers.map((config) => keep(config, open(config)));

  /** A disabled one too: it is shown, and an operator may enable it. */
  function open(config: ServerConfig): Opened {
    // A changed one is in force without another process, and read for each call.
    const most = room.get(config.id) ?? { ...config };
    room.set(config.id, most);
    const live = {
      ...config,
      get maxInFlight() {
        return most.maxInFlight;
      },
      get maxQueued() {
        return most.maxQueued;
      },
      get breaker() {
        return (find(config.id)?.config ?? config).breaker;
      },
      get healthMs() {
        return (find(config.id)?.config ?? config).healthMs;
      },
    };
    const ofAll = options.limits;
    const limits = {
      get resultBytes() {
        return most.maxResult?.bytes ?? ofAll.resultBytes;
      },
      get resultSetting() {
        return most.maxResult?.setting;
      },
    };
    const explain: UpstreamOptions["explain"] = (state) => find(config.id)?.history.about(state);
    return openUpstream({ ...options, limits, config: live, explain });
  }

  function keep(config: ServerConfig, opened: Opened): Kept {
    const swappable = openSwappable(opened, clock, {
      waits: () => history.waits(),
      taken: () => history.taken(),
    });
    const { upstream, history } = withHistory(swappable, clock);
    const kept: Kept = {
      ...{ id: config.id, config, running: config, upstream, history, swappable },
      get lists() {
        return kept.config.lists;
      },
      timeout: (tool) => kept.config.tools[tool]?.timeout ?? kept.config.timeout,
      idempotent: (tool) => kept.config.tools[tool]?.idempotent === true,
      maxArgs: (tool) => (kept.config.tools[tool] ?? kept.config).maxArgs,
    };
    return kept;
  }

  function find(id: string): Kept | undefined {
    return all.find((one) => one.id === id);
  }

  /** Calls that were decided for it end there, sent or not. */
  function leave(server: Kept): void {
    leaving.add(server);
    const own = [...calls].filter((call) => call.server === server.id);
    const until = clock.mono() + limits.serverDrainMs;
    const look = () => {
      if (!leaving.has(server)) return;
      const busy = server.upstream.status().inFlight > 0 || own.some((call) => calls.has(call));
      if (busy && clock.mono() < until) {
        clock.after(limits.drainLookMs, look);
        return;
      }
      leaving.delete(server);
      void server.upstream.stop("it is no longer in the config").catch(() => undefined);
    };
    look();
  }

  function prepare(next: readonly ServerConfig[], diffs: readonly ServerDiff[]): PreparedServers {
    const made = new Map<string, Opened>();
    const drop = () => {
      for (const one of made.values()) void one.stop("it was not needed").catch(() => undefined);
    };
    const actions = new Map(diffs.map(({ id, action }) => [id, action]));
    try {
      for (const config of next) {
        const action = actions.get(config.id);
        if (action !== undefined && action !== "update") made.set(config.id, open(config));
      }
    } catch (thrown) {
      drop();
      throw thrown;
    }
    return { drop, apply: () => apply(next, actions, made) };
  }

  function apply(
    next: readonly ServerConfig[],
    actions: ReadonlyMap<string, ServerDiff["action"]>,
    made: ReadonlyMap<string, Opened>,
  ): { settled: Promise<void> } {
    const before = all;
    const waiting: Promise<unknown>[] = [];
    all = next.map((config) => {
      const { id, maxInFlight, maxQueued, maxResult } = config;
      Object.assign(room.get(id) ?? {}, { maxInFlight, maxQueued, maxResult });
      const old = before.find(({ id }) => id === config.id);
      const fresh = made.get(config.id);
      const isNew = old === undefined || actions.get(config.id) === "replace";
      if (isNew) {
        const server = keep(config, fresh ?? open(config));
        const word = old === undefined ? undefined : operatorsWord(old, old.config, config);
        if (word !== undefined) void server.upstream.disable(word);
        waiting.push(started(server));
        return server;
      }
      const wasEnabled = old.config.enabled;
      old.config = config;
      if (fresh !== undefined) waiting.push(exchange(old, fresh, wasEnabled));
      return old;
    });
    const removed = before.filter((server) => !all.includes(server));
    const added = all.filter((server) => !before.includes(server));
    const change = { added, removed, remade: new Set(actions.keys()) };
    for (const listener of listeners) listener(change);
    for (const server of removed) leave(server);
    return { settled: Promise.all(waiting).then(() => undefined) };
  }

  /** An operator's word stands until he takes it back, or the config has one of its own. */
  async function exchange(server: Kept, fresh: Opened, wasEnabled: boolean): Promise<void> {
    const word = operatorsWord(server, { enabled: wasEnabled }, server.config);
    if (word !== undefined) void fresh.disable(word);
    server.history.note("changed by a reload");
    const { config } = server;
    const { over, tried } = server.swappable.swap(fresh);
    const taken = over.then((took) => {
      if (took) server.running = config;
    });
    await tried;
    if (server.upstream.status().handover === undefined) await taken;
  }

  /** Resolves when it is up or its first attempt has failed. */
  function started({ upstream }: Kept): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      const { state } = upstream.status();
      if (state !== "idle" && state !== "starting") resolve();
    };
    upstream.onChange(look);
    upstream.start();
    look();
    return promise;
  }

  return {
    get all() {
      return all;
    },
    get: find,
    onChange: (listener) => void listeners.push(listener),
    prepare,
    async stop() {
      const going = [...all, ...leaving];
      leaving.clear();
      const ends = await Promise.allSettled(going.map(({ upstream }) => upstream.stop()));
      for (const end of ends) if (end.status === "rejected") throw end.reason;
    },
  };
}

type Enabled = Pick<ServerConfig, "enabled">;

/** Who disabled it, where that was a person and neither config did. */
function operatorsWord({ upstream }: Kept, before: Enabled, now: Enabled): string | undefined {
  const { state, cause } = upstream.status();
  if (state !== "disabled" || !before.enabled || !now.enabled) return undefined;
  return cause ?? "disabled by an operator";
}
