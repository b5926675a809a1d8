/** One line of the log, read and made readable. */

import { isObject, type JsonObject } from "./json.ts";
import { printable } from "./printable.ts";

export interface LogLine {
  /** As it was written, safe for a terminal. */
  readonly raw: string;
  /** `2026-11-24T02:14:05.120Z warn  server state  server=jira state=backoff`. */
  readonly text: string;
  /** {} where the line is none of ours, such as what a runtime prints when it crashes. */
  readonly fields: JsonObject;
}

export function readLine(raw: string): LogLine {
  // JSON of ours has its controls escaped; printable sees to the lines of others.
  const safe = printable(raw);
  const fields = parse(raw);
  if (fields === undefined) return { raw: safe, text: safe, fields: {} };
  const { time, level, message, ...rest } = fields;
  const shown = Object.entries(rest).map(([name, value]) => `${name}=${word(value)}`);
  const head = [String(time), String(level).padEnd(5), String(message)].map(printable).join(" ");
  const tail = shown.length === 0 ? "" : `  ${printable(shown.join(" "))}`;
  return { raw: safe, text: head + tail, fields };
}

function parse(raw: string): JsonObject | undefined {
  if (!raw.startsWith("{")) return undefined;
  try {
    const tree: unknown = JSON.parse(raw);
    return isObject(tree) && "message" in tree ? tree : undefined;
  } catch {
    // A line that was cut, or none of ours: it is shown as it is.
    return undefined;
  }
}

/** Text that has no spaces stands without quotes. */
function word(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const plain = value !== "" && ![...' "='].some((unit) => value.includes(unit));
  return plain ? value : JSON.stringify(value);
}
