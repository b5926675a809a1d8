/** What a new config changes in a running gateway, as data. Secrets are compared, never shown. */

import type { Config, ServerConfig } from "./config-model.ts";

export interface ConfigDiff {
  readonly servers: readonly ServerDiff[];
  /** Keys that come into force without a restart, as people write them. */
  readonly settings: readonly string[];
  /** Keys that stay as they were until the gateway is started anew. */
  readonly restart: readonly string[];
}

export interface ServerDiff {
  readonly id: string;
  /**
   * `update`: its process or session stays. `restart`: another one takes over. `replace`: it is
   * reached in another way, so that what was prepared for it is of no use. `enable`, `disable`:
   * with whatever else changed.
   */
  readonly action: "add" | "remove" | "update" | "restart" | "replace" | "enable" | "disable";
  readonly keys: readonly string[];
}

export function diffConfigs(before: Config, after: Config): ConfigDiff {
  return {
    servers: diffServers(before.servers, after.servers),
    settings: [...changed(before, after, settings), ...(moved(before, after) ? ["servers"] : [])],
    restart: changed(before, after, fixed),
  };
}

/** What is in force after a reload: all of the new config but what needs a restart. */
export function inForce(before: Config, after: Config): Config {
  const { listen, tls, behindProxy, dataDir, database, auth, sealKey, audit, admin } = before;
  const { startWaitMs } = before;
  const kept = {
    listen,
    tls,
    behindProxy,
    dataDir,
    database,
    auth,
    sealKey,
    audit,
    admin,
    startWaitMs,
  };
  return {
    ...{ ...after, ...kept },
    log: { ...after.log, format: before.log.format },
    limits: { ...after.limits, bodyBytes: before.limits.bodyBytes },
  };
}

/** The order decides who has a name that two servers offer. */
function moved(before: Config, after: Config): boolean {
  const ids = (of: Config, other: Config) => {
    const there = new Set(other.servers.map(({ id }) => id));
    return of.servers.map(({ id }) => id).filter((id) => there.has(id));
  };
  return !isSame(ids(before, after), ids(after, before));
}

type Reads<T> = Readonly<Record<string, (of: T) => unknown>>;

/** Held by what was opened with them: ports, files, the store. */
const fixed: Reads<Config> = {
  listen: (of) => of.listen,
  tls: (of) => of.tls,
  behind_proxy: (of) => of.behindProxy,
  data_dir: (of) => of.dataDir,
  database: (of) => of.database,
  auth: (of) => of.auth,
  seal_key: (of) => of.sealKey && Buffer.from(of.sealKey).toString("base64"),
  start_wait: (of) => of.startWaitMs,
  "audit.mode": (of) => of.audit.mode,
  "audit.spool.max": (of) => of.audit.spoolBytesMax,
  "admin.socket": (of) => of.admin.socket,
  "admin.group": (of) => of.admin.group,
  "admin.listen": (of) => of.admin.listen,
  "log.format": (of) => of.log.format,
  // The listener itself refuses what is far over it.
  "limits.body": (of) => of.limits.bodyBytes,
};

const settings: Reads<Config> = {
  hosts: (of) => of.hosts,
  policy: (of) => of.policy,
  protocol: (of) => of.protocol,
  naming: (of) => of.naming,
  "reload.watch": (of) => of.reload.watch,
  "log.level": (of) => of.log.level,
  "log.access": (of) => of.log.access,
  "limits.result": (of) => of.limits.resultBytes,
  "limits.json_depth": (of) => of.limits.jsonDepth,
  "limits.json_values": (of) => of.limits.jsonValues,
  "limits.calls_per_key": (of) => of.limits.callsPerKey,
};

/** Read for each call, or when somebody looks. */
const inPlace: Reads<ServerConfig> = {
  timeout: (of) => of.timeout,
  tools: (of) => of.tools,
  max_in_flight: (of) => of.maxInFlight,
  max_queued: (of) => of.maxQueued,
  max_args: (of) => of.maxArgs,
  max_result: (of) => of.maxResult,
  required: (of) => of.required,
  breaker: (of) => of.breaker,
  health: (of) => of.healthMs,
  freshness: (of) => of.lists.freshnessMs,
  max_stale: (of) => of.lists.maxStaleMs,
};

/** What its process or session was started with. */
const ofProcess: Reads<ServerConfig> = {
  command: ({ transport }) => transport.kind === "stdio" && transport.command,
  cwd: ({ transport }) => transport.kind === "stdio" && transport.cwd,
  env: ({ transport }) => transport.kind === "stdio" && inOrder(transport.env),
  url: ({ transport }) => transport.kind === "http" && transport.url,
  headers: ({ transport }) => transport.kind === "http" && Object.entries(transport.headers),
  "tls.ca": ({ transport }) => transport.kind === "http" && transport.ca,
  allow_link_local: ({ transport }) => transport.kind === "http" && transport.allowLinkLocal,
  type: ({ transport }) => transport.kind === "http" && transport.sse,
  protocol: (of) => of.protocol,
  instance: (of) => of.instance,
};

function diffServers(
  before: readonly ServerConfig[],
  after: readonly ServerConfig[],
): readonly ServerDiff[] {
  const old = new Map(before.map((server) => [server.id, server]));
  const wanted = new Set(after.map(({ id }) => id));
  const gone = before.filter(({ id }) => !wanted.has(id));
  return [
    ...after.flatMap((server) => diffServer(old.get(server.id), server) ?? []),
    ...gone.map(({ id }): ServerDiff => ({ id, action: "remove", keys: [] })),
  ];
}

function diffServer(before: ServerConfig | undefined, after: ServerConfig): ServerDiff | undefined {
  const { id } = after;
  if (before === undefined) return { id, action: "add", keys: [] };
  const update = changed(before, after, inPlace);
  const restart = changed(before, after, ofProcess);
  const keys = [...restart, ...update];
  const { kind } = after.transport;
  if (before.transport.kind !== kind) {
    return { id, action: "replace", keys: [kind === "stdio" ? "command" : "url", ...update] };
  }
  if (before.enabled !== after.enabled) {
    return { id, action: after.enabled ? "enable" : "disable", keys: ["disabled", ...keys] };
  }
  if (restart.length > 0) return { id, action: "restart", keys };
  return update.length > 0 ? { id, action: "update", keys } : undefined;
}

function changed<T>(before: T, after: T, reads: Reads<T>): readonly string[] {
  return Object.entries(reads).flatMap(([key, read]) =>
    isSame(read(before), read(after)) ? [] : [key],
  );
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function inOrder(record: Readonly<Record<string, string>>) {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
