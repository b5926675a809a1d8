/** Routes about the log's level. */

import { fault } from "../base/errors.ts";
import { type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { type Level, levels } from "../base/log.ts";
import { didYouMean } from "../base/nearest.ts";
import type { LogLevelNow } from "./contract.ts";
import type { AdminPorts, AdminRequest } from "./routes.ts";

/** gateway/log-level.ts, as far as the API needs it. */
export interface LogLevelPort {
  current(): LogLevelNow;
  set(
    level: Level,
    options: { forMs: number; server?: string | undefined; key?: string | undefined },
  ): LogLevelNow;
  reset(): LogLevelNow;
}

export async function showLogLevel(_: AdminRequest, ports: AdminPorts): Promise<LogLevelNow> {
  return ports.logLevel.current();
}

/**
 * Body {level, for_ms, server?, key?}, or {level: null}: back to the config's. Recorded before it
 * happens: what debug tells of calls is more than before.
 */
export async function setLogLevel(
  { body, caller, stillMay }: AdminRequest,
  ports: AdminPorts,
): Promise<LogLevelNow> {
  const level = levelOf(body);
  const forMs = level === null ? 0 : forOf(body);
  const server = textOf(body, "server");
  const key = textOf(body, "key");
  if (server !== undefined) checkServer(server, ports);
  if (key !== undefined) checkKey(key, ports);
  const fields = { level, for_ms: forMs, server: server ?? "", key: key ?? "" };
  await ports.audit.admin("log-level", caller.keyId, fields).durable;
  stillMay();
  if (level === null) return ports.logLevel.reset();
  return ports.logLevel.set(level, { forMs, server, key });
}

function levelOf(body: JsonObject): Level | null {
  const level = member(body, "level");
  if (level === null) return null;
  const found = levels.find((one) => one === level);
  if (found !== undefined) return found;
  throw fault("GW_PARAMS", { message: `"level" must be one of ${levels.join(", ")}, or null` });
}

function forOf(body: JsonObject): number {
  const ms = member(body, "for_ms");
  const whole = typeof ms === "number" && Number.isInteger(ms) && ms > 0;
  if (whole && ms <= limits.logLevelMs) return ms;
  throw fault("GW_PARAMS", {
    message: `"for_ms" must be a whole number of ms, at most ${limits.logLevelMs} (24h)`,
    fix: "a changed level ends by itself: name a shorter time, or set `log.level` in the config",
  });
}

function textOf(body: JsonObject, field: string): string | undefined {
  const text = member(body, field);
  if (text === undefined || text === null) return undefined;
  if (typeof text === "string" && text.length > 0 && text.length <= 256) return text;
  throw fault("GW_PARAMS", { message: `"${field}" must be a name` });
}

/** A misspelt name would be silence that looks like health. */
function checkServer(server: string, ports: AdminPorts): void {
  const known = ports.status().servers.map(({ id }) => id);
  if (known.includes(server)) return;
  const all = known.length === 0 ? "add servers to the config" : `one of ${known.join(", ")}`;
  throw fault("GW_NAME", {
    message: `No server is called "${server}"`,
    fix: didYouMean(server, known, all),
  });
}

function checkKey(key: string, ports: AdminPorts): void {
  const names = ports.access.list().map(({ name }) => name);
  if (names.includes(key)) return;
  throw fault("GW_NAME", {
    message: `No key is called "${key}"`,
    fix: didYouMean(key, names, "`authensor-gw keys list` shows the keys"),
  });
}
