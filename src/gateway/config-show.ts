/** The config as it is in force: each value with where it comes from, secrets masked. */

import { isSecretName } from "../base/secret-names.ts";
import { durationText, sizeText } from "../base/units.ts";
import type { Config, ServerConfig } from "./config-model.ts";
import { type ConfigPath, pathText } from "./config-problem.ts";
import type { ConfigSource } from "./config-source.ts";

export interface ShownValue {
  /** `servers.files.timeout.idle`. */
  readonly path: string;
  /** Safe to show. */
  readonly value: string;
  /** `line 4`, `line 4, ${DATABASE_URL}`, `default`. */
  readonly origin: string;
}

/** Every value in force; with `written` only those that stand in the file. */
export function showConfig(config: Config, source: ConfigSource): readonly ShownValue[] {
  return entries(config, source).map(({ path, value, at }) => ({
    path: pathText(path),
    value: maskedValue(path, value, source),
    origin: originOf(at ?? path, source),
  }));
}

interface Entry {
  readonly path: ConfigPath;
  readonly value: string;
  /** Where it stands, if not at its path. */
  readonly at?: ConfigPath | undefined;
}

function addressText(address: Config["listen"]): string {
  if (address === undefined) return "none";
  const { host, port } = address;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function entries(config: Config, source: ConfigSource): readonly Entry[] {
  const { listen, database, audit, admin, log, limits } = config;
  const of = (path: string, value: unknown, at?: string): Entry => ({
    path: path.split("."),
    value: String(value),
    at: at?.split("."),
  });
  const shortDatabase = source.has(["database", "url"]) ? "database.url" : "database";
  const list = [
    of("listen", addressText(listen)),
    of("behind_proxy", config.behindProxy),
    of("tls", config.tls === undefined ? "none" : "certificate and key"),
    of("hosts", config.hosts.join(", ") || "none"),
    of("data_dir", config.dataDir),
    of(shortDatabase, database.kind === "sqlite" ? "sqlite" : withoutPassword(database.url)),
    of("auth", config.auth),
    of("policy", config.policy.join(", ") || "none"),
    of("seal_key", config.sealKey === undefined ? "seal.key in data_dir" : mask),
    of("protocol", config.protocol),
    of("naming", config.naming),
    of("start_wait", durationText(config.startWaitMs)),
    of("reload.watch", config.reload.watch),
    of("audit.mode", audit.mode),
    of("audit.content", "metadata"),
    of("audit.spool.max", sizeText(audit.spoolBytesMax)),
    of("admin.socket", admin.socket),
    of("admin.group", admin.group ?? "none"),
    of("admin.listen", addressText(admin.listen)),
    of("log.level", log.level),
    of("log.access", log.access),
    of("log.format", log.format),
    of("limits.body", sizeText(limits.bodyBytes)),
    of("limits.result", sizeText(limits.resultBytes)),
    of("limits.json_depth", limits.jsonDepth),
    of("limits.json_values", limits.jsonValues),
    of("limits.calls_per_key", limits.callsPerKey),
  ];
  if (database.kind === "postgres") {
    list.push(of("database.pool", database.pool));
    list.push(of("database.required_at_start", database.requiredAtStart));
    if (database.adminUrl !== undefined) {
      list.push(of("database.admin_url", withoutPassword(database.adminUrl)));
    }
  }
  for (const server of config.servers) list.push(...serverEntries(server, source));
  return list;
}

function serverEntries(server: ServerConfig, source: ConfigSource): readonly Entry[] {
  const base = basePath(server, source);
  const of = (steps: ConfigPath, value: unknown): Entry => ({
    path: ["servers", server.id, ...steps],
    value: String(value),
    at: [...base, ...steps],
  });
  const { transport, timeout } = server;
  const list: Entry[] = [];
  if (transport.kind === "stdio") {
    const words = transport.command.map((word, at) => maskedWord(word, transport.command[at - 1]));
    list.push(of(["command"], JSON.stringify(words)));
    if (transport.cwd !== undefined) list.push(of(["cwd"], transport.cwd));
    for (const name of Object.keys(transport.env)) list.push(of(["env", name], mask));
  } else {
    list.push(of(["url"], withoutQuery(transport.url)));
    for (const name of Object.keys(transport.headers)) list.push(of(["headers", name], mask));
    if (transport.ca !== undefined) list.push(of(["tls", "ca"], "certificates"));
    list.push(of(["allow_link_local"], transport.allowLinkLocal));
    if (transport.sse) {
      list.push(of([source.has([...base, "type"]) ? "type" : "transport"], "sse"));
    }
  }
  list.push(of(["disabled"], !server.enabled), of(["required"], server.required));
  list.push(of(["protocol"], server.protocol), of(["max_in_flight"], server.maxInFlight));
  list.push(of(["max_queued"], server.maxQueued));
  if (server.maxArgs !== undefined) list.push(of(["max_args"], sizeText(server.maxArgs.bytes)));
  const { maxResult } = server;
  if (maxResult !== undefined) list.push(of(["max_result"], sizeText(maxResult.bytes)));
  list.push(of(["instance"], server.instance));
  const { breaker, healthMs } = server;
  if (breaker === undefined) list.push(of(["breaker"], "off"));
  else {
    const { failures, openMs } = breaker;
    list.push(of(["breaker", "failures"], failures), of(["breaker", "of"], breaker.of));
    list.push(of(["breaker", "open"], durationText(openMs)));
  }
  list.push(of(["health"], healthMs === undefined ? "off" : durationText(healthMs)));
  list.push(of(["freshness"], durationText(server.lists.freshnessMs)));
  list.push(of(["max_stale"], durationText(server.lists.maxStaleMs)));
  list.push(timeoutEntry(of, ["timeout"], "idle", timeout.idleMs, base, source));
  list.push(timeoutEntry(of, ["timeout"], "max", timeout.maxMs, base, source));
  for (const [tool, own] of Object.entries(server.tools)) {
    const steps = ["tools", tool, "timeout"];
    list.push(timeoutEntry(of, steps, "idle", own.timeout.idleMs, base, source));
    list.push(timeoutEntry(of, steps, "max", own.timeout.maxMs, base, source));
    list.push(of(["tools", tool, "idempotent"], own.idempotent));
    const { maxArgs } = own;
    if (maxArgs === undefined) continue;
    const entry = of(["tools", tool, "max_args"], sizeText(maxArgs.bytes));
    list.push(maxArgs === server.maxArgs ? { ...entry, at: [...base, "max_args"] } : entry);
  }
  return list;
}

/** `timeout: 60s` gives idle; its line is that of `timeout`. */
function timeoutEntry(
  of: (steps: ConfigPath, value: unknown) => Entry,
  steps: ConfigPath,
  name: "idle" | "max",
  ms: number,
  base: ConfigPath,
  source: ConfigSource,
): Entry {
  const entry = of([...steps, name], durationText(ms));
  const short = name === "idle" && source.text([...base, ...steps]) !== undefined;
  return short ? { ...entry, at: [...base, ...steps] } : entry;
}

/** Where the file names the server: its own spelling, under one of the two keys. */
function basePath(server: ServerConfig, source: ConfigSource): ConfigPath {
  const setting = server.timeout.setting;
  const group = setting.slice(0, setting.indexOf("."));
  const name = setting.slice(group.length + 1, setting.length - ".timeout".length);
  return source.has([group, name]) ? [group, name] : ["servers", server.id];
}

const mask = "•••";

/** A value with `${…}` is shown as it is written: that holds the name of the secret only. */
function maskedValue(path: ConfigPath, value: string, source: ConfigSource): string {
  const written = source.written(path);
  const isSecret = value === mask || path[0] === "database";
  if (isSecret && written !== undefined && source.references(path).length > 0) return written;
  return value;
}

function originOf(path: ConfigPath, source: ConfigSource): string {
  if (!source.has(path)) return "default";
  const references = source.references(path);
  const line = `line ${source.keyPlace(path).line}`;
  return references.length === 0 ? line : `${line}, ${references.join(" ")}`;
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return mask;
  const parsed = new URL(url);
  if (parsed.password !== "") parsed.password = "***";
  for (const name of parsed.searchParams.keys()) {
    if (isSecretName(name)) parsed.searchParams.set(name, "***");
  }
  return parsed.href;
}

function withoutQuery(url: string): string {
  const parsed = new URL(url);
  return parsed.search === "" ? url : `${parsed.origin}${parsed.pathname}?${mask}`;
}

/** `--api-key=x` and what follows `--token`: arguments are no place for secrets, but hold some. */
function maskedWord(word: string, before: string | undefined): string {
  if (before?.startsWith("-") && !before.includes("=") && isSecretName(before)) return mask;
  const equals = word.indexOf("=");
  if (equals > 0 && isSecretName(word.slice(0, equals))) return `${word.slice(0, equals)}=${mask}`;
  return word;
}
