/** Field lines of a head (RFC 9112, 5). */

import { all, token, trimmed, value as valueCharacters } from "./characters.ts";

/** Lower-case names; repeated fields are joined with ", " (RFC 9110, 5.3). */
export interface Fields {
  get(name: string): string | null;
}

export class FieldMap implements Fields {
  readonly #fields: ReadonlyMap<string, string>;
  /** Content-Length: it alone changes where a head is used again. */
  length: number | undefined;

  constructor(fields: ReadonlyMap<string, string>, length: number | undefined) {
    this.#fields = fields;
    this.length = length;
  }

  get(name: string): string | null {
    const lower = name.toLowerCase();
    if (lower === "content-length") return this.length === undefined ? null : String(this.length);
    return this.#fields.get(lower) ?? null;
  }
}

/** Of all lines behind the first CRLF, which is at `first`; or what is wrong with one. */
export function readFields(text: string, first: number): Map<string, string> | string {
  const fields = new Map<string, string>();
  for (let at = first; at >= 0; ) {
    const from = at + 2;
    at = text.indexOf("\r\n", from);
    const wrong = readField(at < 0 ? text.slice(from) : text.slice(from, at), fields);
    if (wrong !== undefined) return wrong;
  }
  return fields;
}

function readField(line: string, fields: Map<string, string>): string | undefined {
  const colon = line.indexOf(":");
  // Also a folded line, and a space before the colon: known ways to smuggle (RFC 9112, 5.1, 5.2).
  if (colon <= 0 || !all(line.slice(0, colon), token)) return "bad header name";
  const name = line.slice(0, colon).toLowerCase();
  const value = trimmed(line, colon + 1);
  if (!all(value, valueCharacters)) return "control character in a header";
  if (framing.has(name) && (line.endsWith(" ") || line.includes("\t"))) return `bad ${name}`;
  const before = fields.get(name);
  if (before === undefined) fields.set(name, value);
  else if (once.has(name)) return `two ${name} headers`;
  else fields.set(name, `${before}, ${value}`);
  return undefined;
}

/** A blank that one reader cuts off and another does not would make two requests of one. */
const framing = new Set(["content-length", "transfer-encoding"]);

const once = new Set([...framing, "host", "expect"]);
