/** Opens what stands behind the doors: store, keys, receipts, servers, catalog. */

import { join } from "node:path";
import process from "node:process";
import { type KeyAccess, openAccess } from "../access/keys.ts";
import type { ReloadState } from "../admin/contract-reload.ts";
import type { Audit } from "../audit/audit.ts";
import { openAudit } from "../audit/open.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/ports.ts";
import { createSealer } from "../base/seal.ts";
import { systemClock, systemRandom } from "../base/system.ts";
import { createBoard } from "../call/board.ts";
import { createParks } from "../call/bridge/parks.ts";
import { createDeadlines } from "../call/deadlines.ts";
import { answers } from "../call/methods.ts";
import type { CallPorts } from "../call/ports.ts";
import { createResourceHub } from "../call/resource-hub.ts";
import { createTasks } from "../call/task-table.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Carried } from "../catalog/hello.ts";
import { openCatalog } from "../catalog/open.ts";
import type { HttpFront } from "../front/http.ts";
import type { Policy } from "../policy/model.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Store } from "../store/store.ts";
import { withAccessLog } from "./access-log.ts";
import type { Config } from "./config-model.ts";
import { openKeptLists } from "./kept-lists.ts";
import { knownRepeats } from "./known-repeats.ts";
import type { Door } from "./listeners.ts";
import type { Live } from "./live.ts";
import type { LogLevel } from "./log-level.ts";
import { type CallMetrics, createCallMetrics } from "./metrics.ts";
import { checkPin, openStore } from "./open-store.ts";
import { reachStore } from "./reach-store.ts";
import { sealFingerprint, sealKey } from "./seal-key.ts";
import { openServers, type Servers } from "./servers.ts";
import { type OpenSessionStates, openSessionStates } from "./session-states.ts";

export interface PartsOptions {
  readonly config: Config;
  readonly version: string;
  readonly acceptStoreChange?: boolean;
}

/** Everything that is open, for status, reload and stop. */
export interface Parts {
  /** In force now: a reload changes it. */
  config: Config;
  readonly version: string;
  readonly startedMs: number;
  readonly log: Log;
  readonly logLevel: LogLevel;
  readonly runtime: Runtime;
  readonly store: Store;
  readonly access: KeyAccess;
  readonly sessionStates: OpenSessionStates;
  /** Of the seal key, for people. */
  readonly sealFingerprint: string;
  readonly audit: Audit;
  readonly servers: Servers;
  readonly catalog: Catalog;
  readonly calls: CallPorts;
  readonly callMetrics: CallMetrics;
  readonly policy: PolicyInForce;
  /** Of the last reload. */
  reload: ReloadState;
  live: Live | undefined;
  front: HttpFront | undefined;
  doors: readonly Door[];
}

export interface PolicyInForce {
  current: Policy;
}

/** Opens store, keys, receipts and servers, in this order; what is open goes to `undo`. */
export async function openParts(
  options: PartsOptions & { readonly logLevel: LogLevel; readonly run: string },
  runtime: Runtime,
  log: Log,
  policy: PolicyInForce,
  undo: (() => unknown)[],
): Promise<Parts> {
  const { config, version, logLevel } = options;
  const base = await openBase(options, runtime, log, undo);
  const { access, audit } = base;
  const held = { config };
  const callMetrics = createCallMetrics(config.servers.map(({ id }) => id));
  const board = createBoard(clock, callMetrics.ended, config.limits.callsPerKey);
  const identity = { name: "authensor-gw", version };
  const servers = openServers({
    ...{ runtime, clock, random, identity, log, env: ownEnvironment(), run: options.run },
    servers: config.servers,
    calls: board.inFlight,
    limits: {
      get resultBytes() {
        return held.config.limits.resultBytes;
      },
    },
  });
  undo.push(() => servers.stop());
  const { sealer, key, ...sealed } = openSealer(config, random);
  const kept = openKept(config, key, servers, log, undo);
  const catalog = openCatalog({
    get servers() {
      return servers.all;
    },
    get naming() {
      return held.config.naming;
    },
    ...{ startWaitMs: config.startWaitMs, carried: carried(), policy: () => policy.current },
    ...{ clock, random, sealer, kept, warn: log.warn },
  });
  undo.push(() => catalog.stop());
  const calls: CallPorts = {
    audit: callAudit(config, audit),
    catalog,
    clock,
    deadlines: createDeadlines(clock),
    board,
    parks: createParks(random),
    repeats: knownRepeats({
      config: () => held.config,
      audit: base.audit,
      store: base.store,
      log,
      clock,
    }),
    tasks: createTasks(sealer),
    resources: createResourceHub(servers.all.map(({ upstream }) => upstream)),
    sealer,
    policy: () => policy.current,
    isLive: config.auth === "none" ? () => true : access.isLive,
    clientInfoText: JSON.stringify(identity),
    debug: undefined,
    error: (message, fields) => log.error(message, fields),
  };
  follow(servers, calls, callMetrics);
  access.onGone((keyIds) => calls.parks.cancelOf(keyIds, "GW_KEY_REVOKED"));
  const known = { version, startedMs: clock.now(), log, logLevel, runtime, ...base, ...sealed };
  return {
    ...{ ...known, servers, catalog, calls, callMetrics, policy },
    reload: { readMs: clock.now(), fault: null, restart: [] },
    ...{ live: undefined, front: undefined, doors: [] },
    get config() {
      return held.config;
    },
    set config(next) {
      held.config = next;
    },
  };
}

/** What a server that comes later is told to. */
function follow(servers: Servers, calls: CallPorts, callMetrics: CallMetrics): void {
  servers.onChange(({ added, remade }) => {
    for (const { id, upstream } of added) {
      callMetrics.know(id);
      calls.resources.hear(upstream);
    }
    calls.catalog.refit(remade);
  });
}

const [clock, random] = [systemClock, systemRandom];

async function openBase(
  { config, version, acceptStoreChange }: PartsOptions,
  runtime: Runtime,
  log: Log,
  undo: (() => unknown)[],
): Promise<Pick<Parts, "store" | "access" | "sessionStates" | "audit">> {
  const store = await openStore(config);
  undo.push(() => store.close());
  if (acceptStoreChange !== true) checkPin(config, store);
  undo.push(await reachStore({ config, store, clock, log }));
  const access = await openAccess({
    store,
    dataDir: config.dataDir,
    clock,
    random,
    refreshMs: limits.keyRefreshMs,
    log,
  });
  undo.push(() => access.close());
  const sessionStates = openSessionStates({ store, clock, log, refreshMs: limits.keyRefreshMs });
  undo.push(() => sessionStates.close());
  const audit = await openAudit({
    dir: join(config.dataDir, "spool"),
    mode: config.audit.mode,
    spoolBytesMax: config.audit.spoolBytesMax,
    store,
    clock,
    random,
    sys: runtime.sys,
    build: version,
    log: (level, message, fields) => log[level](message, { ...fields }),
  });
  undo.push(() => audit.close(limits.shipDeadlineMs));
  return { store, access, sessionStates, audit };
}

/** With a line for each call in the log, where the config says so. */
export function callAudit(config: Config, audit: Audit): Audit {
  return config.log.access ? withAccessLog(audit) : audit;
}

/** A capability is declared when its requests are answered. */
function carried(): Carried {
  return {
    prompts: answers("prompts/get"),
    resources: answers("resources/read"),
    subscribe: answers("resources/subscribe"),
    completions: answers("completion/complete"),
    logging: true,
    tasks: answers("tasks/get"),
  };
}

function openSealer(config: Config, random: Random) {
  const key = config.sealKey ?? sealKey(config.dataDir, random);
  return { key, sealer: createSealer(key, random), sealFingerprint: sealFingerprint(key) };
}

function openKept(
  { dataDir }: Config,
  key: Uint8Array,
  servers: Servers,
  { warn }: Log,
  undo: (() => unknown)[],
) {
  const server = (id: string) => servers.get(id)?.running;
  const kept = openKeptLists({ dataDir, key, clock, server, warn });
  undo.push(() => kept.close());
  return kept;
}

function ownEnvironment(): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined) found[name] = value;
  }
  return found;
}
