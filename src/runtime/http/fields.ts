/** Field lines of a head (RFC 9112, 5). */

import type { HeaderFields } from "../../base/http-request.ts";
import { all, token, trimmed, value as valueCharacters } from "./characters.ts";

/** Lower-case names; repeated fields are joined with ", " (RFC 9110, 5.3). */
export class FieldMap implements HeaderFields {
  note: object | undefined = undefined;
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
    const wrong = readField(text, from, at < 0 ? text.length : at, fields);
    if (wrong !== undefined) return wrong;
  }
  return fields;
}

/** The line is not cut out first: that would cost more than all the rest. */
function readField(
  text: string,
  from: number,
  to: number,
  fields: Map<string, string>,
): string | undefined {
  const colon = text.indexOf(":", from);
  // Also a folded line, and a space before the colon: known ways to smuggle (RFC 9112, 5.1, 5.2).
  if (colon <= from || !all(text, token, from, colon)) return "bad header name";
  if (!all(text, valueCharacters, colon + 1, to)) return "control character in a header";
  const name = text.slice(from, colon).toLowerCase();
  const value = trimmed(text, colon + 1, to);
  if (framing.has(name) && hasOddBlanks(text.slice(colon + 1, to))) return `bad ${name}`;
  const before = fields.get(name);
  if (before === undefined) fields.set(name, value);
  else if (once.has(name)) return `two ${name} headers`;
  else fields.set(name, `${before}, ${value}`);
  return undefined;
}

const framing = new Set(["content-length", "transfer-encoding"]);

const once = new Set([...framing, "host", "expect"]);

/** One that one reader cuts off and another does not would make two requests of one. */
function hasOddBlanks(value: string): boolean {
  return value.endsWith(" ") || value.includes("\t");
}
