/** Text in a header: as it is, or base64 between `=?base64?` and `?=` (2026-07-28). */

import { Buffer } from "node:buffer";

const prefix = "=?base64?";
const suffix = "?=";

/** Header value for a name or argument; nothing in it can end the header (U23). */
export function encodeMirror(value: string | number | boolean): string {
  const text = String(value);
  const trimmed = text.trim() === text;
  if (trimmed && isPlain(text) && !isMarked(text)) return text;
  return `${prefix}${Buffer.from(text, "utf8").toString("base64")}${suffix}`;
}

/** What a header value says; undefined for bad base64, bad UTF-8, or bytes that need base64. */
export function decodeMirror(header: string): string | undefined {
  if (!isMarked(header)) return isPlain(header) ? header : undefined;
  const base64 = header.slice(prefix.length, header.length - suffix.length);
  const bytes = Buffer.from(base64, "base64");
  // Buffer skips what is not base64; only the one canonical spelling comes back the same.
  if (bytes.toString("base64") !== base64) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The markers are exact: `=?BASE64?` is plain text. */
function isMarked(text: string): boolean {
  const long = text.length >= prefix.length + suffix.length;
  return long && text.startsWith(prefix) && text.endsWith(suffix);
}

function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if ((code < 0x20 && code !== 0x09) || code > 0x7e) return false;
  }
  return true;
}
