/**
 * The gateway's log: one line of JSON per event on stderr (T4). Own code and not LogTape, which
 * adds 4 ms to a start that may take about 20 (the bench's bar), for sinks we do not use.
 * No other file writes logs.
 */

import process from "node:process";
import { causeText } from "./errors.ts";
import { limits } from "./limits.ts";
import { writeTo } from "./unwritten.ts";

export const levels = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof levels)[number];

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

type Fields = Record<string, unknown> | undefined;

/** Whether a line is written: for a level that changes while the gateway runs. */
export type Admits = (level: Level, fields: Record<string, unknown> | undefined) => boolean;

/**
 * A message is a fixed sentence, what varies goes into fields: at most `logBurst` lines of one
 * message, server and state in `logWindowMs`, the next line says how many were left out (R18).
 * `burst` is that number of lines where another is meant.
 * `write` gets a line with its line feed; `now` is wall time in ms.
 */
export function createLog(options: {
  level: Level | Admits;
  write?: (line: string) => void;
  now?: () => number;
  burst?: number;
}): Log {
  const write = options.write ?? stderrWriter();
  const now = options.now ?? Date.now;
  const admits = typeof options.level === "string" ? from(options.level) : options.level;
  const admit = createLimiter(now, options.burst ?? limits.logBurst);
  const at = (level: Level) => (message: string, fields?: Record<string, unknown>) => {
    if (!admits(level, fields)) return;
    const suppressed = admit(message, fields);
    if (suppressed === undefined) return;
    write(lineOf(level, message, fields, suppressed, now()));
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Lines of this level and worse ones. */
export function from(least: Level): Admits {
  const rank = levels.indexOf(least);
  return (level) => levels.indexOf(level) >= rank;
}

/** Answers how many lines were left out since the last one, or undefined to leave this one out. */
function createLimiter(
  now: () => number,
  burst: number,
): (message: string, fields: Fields) => number | undefined {
  const windows = new Map<string, { startMs: number; lines: number; suppressed: number }>();
  return (message, fields) => {
    const time = now();
    const own = keyOf(message, fields);
    // Servers without end would be lines without end: then they share the message's own window.
    const isKnown = windows.has(own) || windows.size < limits.logMessages / 2;
    const key = isKnown ? own : message;
    let window = windows.get(key);
    if (window === undefined) {
      // Messages are fixed sentences; should one not be, the map still ends.
      if (windows.size >= limits.logMessages) windows.clear();
      window = { startMs: time, lines: 0, suppressed: 0 };
      windows.set(key, window);
    }
    // A clock that stepped back opens a new window too.
    const age = time - window.startMs;
    if (age >= limits.logWindowMs || age < 0) {
      window.startMs = time;
      window.lines = 0;
    }
    if (++window.lines > burst) {
      window.suppressed++;
      return undefined;
    }
    const { suppressed } = window;
    window.suppressed = 0;
    return suppressed;
  };
}

/** One server that flaps must not hide what becomes of the others, nor what becomes of itself. */
function keyOf(message: string, fields: Fields): string {
  const { server, state } = fields ?? {};
  const part = (value: unknown) => (typeof value === "string" ? value : "");
  return server === undefined ? message : `${message}\n${part(server)}\n${part(state)}`;
}

function lineOf(
  level: Level,
  message: string,
  fields: Fields,
  suppressed: number,
  timeMs: number,
): string {
  const record: Record<string, unknown> = Object.create(null);
  record["time"] = new Date(timeMs).toISOString();
  record["level"] = level;
  record["message"] = message;
  for (const [name, value] of Object.entries(fields ?? {})) {
    record[name in record ? `${name}_` : name] = value;
  }
  if (suppressed > 0) record["suppressed"] = suppressed;
  let text: string;
  try {
    text = JSON.stringify(record, safeValue);
  } catch (thrown) {
    // A field that cannot be written (a cycle) must not end the caller.
    const cause = thrown instanceof Error ? thrown.name : "unknown";
    text = JSON.stringify({ time: record["time"], level, message, fields_unwritable: cause });
  }
  return `${escapeControls(text)}\n`;
}

/** Names of fields that are never written, should one ever get here. */
const secretNames = new Set(["authorization", "cookie", "password", "secret", "token"]);

function safeValue(name: string, value: unknown): unknown {
  if (secretNames.has(name.toLowerCase())) return "[hidden]";
  if (typeof value === "bigint") return value.toString();
  const shown = value instanceof Error ? causeText(value) : value;
  if (typeof shown !== "string" || shown.length <= limits.logValueChars) return shown;
  return `${shown.slice(0, limits.logValueChars)}… (${shown.length} characters)`;
}

/** JSON.stringify escapes C0; C1, DEL, separators and bidi controls still steer a terminal (T4). */
function escapeControls(json: string): string {
  let safe = "";
  let clean = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code < 0x7f || !steers(code)) continue;
    safe += `${json.slice(clean, at)}\\u${code.toString(16).padStart(4, "0")}`;
    clean = at + 1;
  }
  return clean === 0 ? json : safe + json.slice(clean);
}

function steers(code: number): boolean {
  if (code <= 0x9f) return true;
  return (
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x206f) ||
    code === 0xfeff ||
    code === 0xad
  );
}

/** Opened at the first line: making process.stderr costs time a quiet start need not spend. */
export function stderrWriter(): (line: string) => void {
  let opened = false;
  return (line) => {
    if (!opened) {
      opened = true;
      // A reader that went away (EPIPE) must not end the gateway.
      process.stderr.on("error", () => {});
    }
    writeTo("stderr", line);
  };
}
