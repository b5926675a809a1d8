/** The composition root: opens every part of one gateway, gives each its ports, and closes them. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type KeyAccess, openAccess } from "../access/keys.ts";
import type { GatewayStatus } from "../admin/contract.ts";
import { createAdmin } from "../admin/routes.ts";
import type { Audit } from "../audit/audit.ts";
import { openAudit } from "../audit/open.ts";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { createLog, type Log } from "../base/log.ts";
import { systemClock, systemRandom } from "../base/system.ts";
import { createDeadlines } from "../call/deadlines.ts";
import { handle } from "../call/methods.ts";
import type { CallPorts } from "../call/ports.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { openCatalog } from "../catalog/open.ts";
import { createHttpFront, type HttpFront } from "../front/http.ts";
import type { Policy } from "../policy/model.ts";
import { currentRuntime } from "../runtime/current.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Store } from "../store/store.ts";
import { openUpstream } from "../upstream/open.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { adminPorts } from "./admin-ports.ts";
import type { Config } from "./config-model.ts";
import { type Door, openAdmin, openFront } from "./listeners.ts";
import { loadPolicy } from "./load-policy.ts";
import { openStore, pinStore } from "./open-store.ts";
import { openToAll } from "./open-to-all.ts";
import { ownDataDir } from "./owner.ts";
import { readiness } from "./ready.ts";
import { statusOf } from "./status.ts";

export interface ServeOptions {
  readonly config: Config;
  readonly version: string;
  readonly acceptStoreChange?: boolean;
}

export interface Running {
  readonly listen: readonly string[];
  status(): GatewayStatus;
  /** Loads the policy files anew; throws and changes nothing when they do not load. */
  reload(): Promise<void>;
  /** Stops accepting, lets calls in flight end, closes the chain. */
  stop(): Promise<void>;
}

/** Everything that is open, for status, reload and stop. */
export interface Parts {
  readonly config: Config;
  readonly version: string;
  readonly startedMs: number;
  readonly log: Log;
  readonly runtime: Runtime;
  readonly store: Store;
  readonly access: KeyAccess;
  readonly audit: Audit;
  readonly upstreams: readonly Upstream[];
  readonly catalog: Catalog;
  readonly calls: CallPorts;
  readonly policy: { current: Policy };
  front: HttpFront | undefined;
  doors: readonly Door[];
}

/** Starts one gateway. Throws GatewayErrors; what was opened before is closed again. */
export async function serve(options: ServeOptions): Promise<Running> {
  const { config } = options;
  const log = createLog({ level: config.log.level });
  for (const note of config.notes) log.warn(note);
  const runtime = await currentRuntime();
  // L8: a child of the same user could otherwise read our environment and memory.
  if (!runtime.sys.notDumpable()) log.debug("children may read this process's environment");

  // A bad policy stops the start before anything is touched.
  const policy = { current: await loadPolicy(config.policy) };
  makeDataDir(config.dataDir);
  const owner = ownDataDir(config.dataDir);
  owner.setSocket(config.admin.socket);
  const undo: (() => unknown)[] = [() => owner.release()];
  try {
    const parts = await openParts(options, runtime, log, policy, undo);
    await openDoors(parts, undo);
    for (const upstream of parts.upstreams) upstream.start();
    runtime.sys.notify("READY=1");
    const listen = parts.doors.map((door) => door.url);
    const where = { listen, data_dir: config.dataDir, pid: process.pid };
    log.info("gateway is up", { version: options.version, ...where });
    return {
      listen,
      status: () => statusOf(parts),
      reload: async () => reload(parts, "SIGHUP"),
      stop: () => stop(parts, undo),
    };
  } catch (thrown) {
    for (const close of undo.reverse()) await close();
    throw thrown;
  }
}

async function openParts(
  options: ServeOptions,
  runtime: Runtime,
  log: Log,
  policy: { current: Policy },
  undo: (() => unknown)[],
): Promise<Parts> {
  const { config, version } = options;
  const clock = systemClock;
  const random = systemRandom;
  const store = await openStore(config);
  undo.push(() => store.close());
  pinStore(config, store, options.acceptStoreChange === true);
  await reachStore(config, store, log);
  const access = await openAccess({
    store,
    dataDir: config.dataDir,
    clock,
    random,
    refreshMs: limits.keyRefreshMs,
    log,
  });
  undo.push(() => access.close());
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

  const identity = { name: "authensor-gw", version };
  const servers = config.servers
    .filter((server) => server.enabled)
    .map((server) => {
      const resultBytes = config.limits.resultBytes;
      const env = ownEnvironment();
      const limit = { resultBytes };
      const upstream = openUpstream({
        config: server,
        runtime,
        clock,
        random,
        env,
        limits: limit,
        identity,
        log,
      });
      undo.push(() => upstream.stop());
      const timeout = (tool: string) => server.tools[tool]?.timeout ?? server.timeout;
      return { upstream, timeout };
    });
  const catalog = openCatalog({
    servers,
    naming: config.naming,
    policy: () => policy.current,
    clock,
    warn: (message, fields) => log.warn(message, fields),
  });
  undo.push(() => catalog.stop());
  const calls: CallPorts = {
    audit,
    catalog,
    clock,
    deadlines: createDeadlines(clock),
    policy: () => policy.current,
    clientInfoText: JSON.stringify(identity),
    error: (message, fields) => log.error(message, fields),
  };
  const upstreams = servers.map((server) => server.upstream);
  const startedMs = clock.now();
  return {
    ...{ config, version, startedMs, log, runtime, store, access, audit },
    ...{ upstreams, catalog, calls, policy, front: undefined, doors: [] },
  };
}

async function openDoors(parts: Parts, undo: (() => unknown)[]): Promise<void> {
  const { config, runtime, access, calls } = parts;
  const bound: number[] = [];
  const front = createHttpFront({
    access: config.auth === "none" ? openToAll(access) : access,
    clock: calls.clock,
    random: systemRandom,
    limits: config.limits,
    hosts: config.hosts,
    ports: bound,
    behindProxy: config.behindProxy,
    handle: (incoming, reply) => handle(incoming, reply, calls),
    hello: async () => ({
      serverInfo: { name: "authensor-gw", version: parts.version },
      capabilities: { tools: { listChanged: true } },
      instructions: undefined,
    }),
    visibleHash: async (identity) => (await parts.catalog.visibleTools(identity, "legacy")).hash,
    onListChange: (listener) => parts.catalog.onChange(listener),
    ready: () => readiness(parts),
    error: (message, fields) => parts.log.error(message, fields),
  });
  parts.front = front;
  undo.push(() => front.close());
  const admin = createAdmin(adminPorts(parts, (keyId) => reload(parts, keyId)));
  const adminDoor = await openAdmin(runtime, config, (request) => admin.fetch(request));
  undo.push(() => adminDoor.listener.stop(true));
  const doors = await openFront(runtime, config, (request, peer) => front.handle(request, peer));
  for (const door of doors) bound.push(door.listener.port);
  undo.push(() => Promise.all(doors.map((door) => door.listener.stop(true))));
  parts.doors = [...doors, adminDoor];
}

/** Reload is all or nothing: a policy that does not load leaves the old one in force. */
async function reload(parts: Parts, by: string): Promise<void> {
  const policy = await loadPolicy(parts.config.policy);
  const before = parts.policy.current.hash;
  parts.policy.current = policy;
  const after = parts.policy.current.hash;
  if (after === before) return;
  parts.catalog.policyChanged();
  parts.audit.admin("reload", by, { policy_before: before, policy_after: after });
  parts.log.info("policy reloaded", { before, after });
}

async function stop(parts: Parts, undo: (() => unknown)[]): Promise<void> {
  parts.runtime.sys.notify("STOPPING=1");
  parts.front?.drain();
  const { clock, deadlines } = parts.calls;
  const until = clock.mono() + limits.drainMs;
  while (deadlines.inFlight() > 0 && clock.mono() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (const close of undo.reverse()) await close();
}

/** The store is not needed to start, unless the config says so (O2). */
async function reachStore(config: Config, store: Store, log: Log): Promise<void> {
  try {
    await store.migrate();
  } catch (thrown) {
    const required = config.database.kind === "sqlite" || config.database.requiredAtStart;
    if (required) throw thrown;
    const error = thrown instanceof Error ? thrown.message : String(thrown);
    log.error("database is not reachable; serving from data_dir", { store: store.place, error });
  }
}

function makeDataDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    const cause = thrown instanceof Error ? thrown.message : String(thrown);
    throw fault("GW_DATA_DIR", { message: `Cannot make data_dir "${path}"`, cause });
  }
}

function ownEnvironment(): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined) found[name] = value;
  }
  return found;
}
