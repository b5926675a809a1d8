/** The lines between the chunks of a body. */

import { limits } from "../../base/limits.ts";

export class LineReader {
  #text = "";

  /** Up to behind CRLF; -1: there is more to come. A bare LF or CR ends nothing. */
  read(bytes: Uint8Array, at: number): number | string {
    // The end of a chunk, as a rule; chunks of one byte have nothing but lines (R10).
    if (bytes[at] === cr && bytes[at + 1] === lf && this.#text === "") return at + 2;
    const stop = bytes.indexOf(lf, at);
    const end = stop < 0 ? bytes.length : stop + 1;
    if (this.#text.length + end - at > limits.chunkLineBytes) return "a chunk's line is too long";
    this.#text += latin1(bytes, at, end);
    if (stop < 0) return -1;
    const { length } = this.#text;
    return this.#text.indexOf("\r") === length - 2 ? end : "a line without CRLF";
  }

  take(): string {
    const line = this.#text.slice(0, -2);
    this.#text = "";
    return line;
  }
}

const cr = 0x0d;
const lf = 0x0a;

function latin1(bytes: Uint8Array, from: number, end: number): string {
  if (end - from <= 8) {
    let text = "";
    for (let at = from; at < end; at += 1) text += String.fromCharCode(bytes[at] as number);
    return text;
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, end - from).toString("latin1");
}

/**
 * `1*HEXDIG`, then extensions, which say nothing to us (RFC 9112, 7.1.1). At most 12 digits, so
 * that no sum of sizes loses a byte.
 */
export function chunkSize(line: string): number | undefined {
  const end = line.indexOf(";");
  const digits = end < 0 ? line : line.slice(0, end);
  if (digits.length === 0 || digits.length > 12) return undefined;
  for (let at = 0; at < digits.length; at += 1) {
    const code = digits.charCodeAt(at);
    const letter = code | 0x20;
    const hex = (code >= 0x30 && code <= 0x39) || (letter >= 0x61 && letter <= 0x66);
    if (!hex) return undefined;
  }
  return Number.parseInt(digits, 16);
}
