/**
 * JSON with long texts, parsed without them. A text of a megabyte costs a decoded copy and one more
 * by JSON.parse, of fresh memory each; where runs of plain characters are cut out of long strings
 * first, what is left is as good or bad JSON as the whole was, and only the grammar's own bytes are
 * copied.
 */

import { isUtf8 } from "node:buffer";
import type { Json, JsonObject } from "../base/json.ts";

/** Runs shorter than this are left to JSON.parse. */
export const longRun = 4096;

/** An escape has at most six bytes, and the scan may have stopped within one. */
const margin = 8;

/** Stands where a text was cut: no UTF-8 decodes to it, so only an escape could forge it. */
const mark = "\ud800";

/**
 * The text of `bytes` with a mark and a number for each run: `runs` holds start and end of plain
 * string bytes, neither quote nor backslash. undefined when the bytes are not UTF-8, or hold a
 * control character where JSON allows none.
 */
export function withoutRuns(
  bytes: Uint8Array,
  runs: readonly number[],
  decode: (bytes: Uint8Array) => string,
): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  let text = "";
  let copied = 0;
  for (let at = 0; at < runs.length; at += 2) {
    const start = cutStart(bytes, runs[at] as number);
    const end = runs[at + 1] as number;
    if (hasControl(bytes, start, end)) return undefined;
    text += `${decode(bytes.subarray(copied, start))}${mark}${at}`;
    copied = end;
  }
  return text + decode(bytes.subarray(copied));
}

/** Puts the runs back into the strings of a tree; no string of the whole text has an escape. */
export function fillRuns(
  root: JsonObject,
  bytes: Uint8Array,
  runs: readonly number[],
  decode: (bytes: Uint8Array) => string,
): void {
  const filled = (value: Json): Json => {
    if (typeof value !== "string") {
      if (typeof value === "object" && value !== null) fill(value as JsonObject | Json[]);
      return value;
    }
    const at = value.lastIndexOf(mark);
    if (at === -1) return value;
    const run = Number(value.slice(at + 1));
    // Decoded whole: joined to what stands before the mark it would be copied once more when read.
    const start = bytes.lastIndexOf(0x22, runs[run] as number) + 1;
    return decode(bytes.subarray(start, runs[run + 1] as number));
  };
  const fill = (container: JsonObject | Json[]): void => {
    if (Array.isArray(container)) {
      for (const [index, value] of container.entries()) container[index] = filled(value);
      return;
    }
    // Assigning to __proto__ would set no member; such a body is refused anyway.
    for (const key in container) {
      const value = container[key] as Json;
      const whole = filled(value);
      if (whole !== value) (container as Record<string, Json>)[key] = whole;
    }
  };
  fill(root);
}

/** Not within an escape, nor within a character. */
function cutStart(bytes: Uint8Array, from: number): number {
  let start = from + margin;
  while (((bytes[start] as number) & 0xc0) === 0x80) start += 1;
  return start;
}

/** Four bytes at a time; aligned, as the view of them must be. */
function hasControl(bytes: Uint8Array, from: number, to: number): boolean {
  const head = from + (-(bytes.byteOffset + from) & 3);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, (to - head) >> 2);
  let found = 0;
  let at = 0;
  // The high bit of each byte that is below 0x20; four words a turn, which halves the time.
  for (; at + 4 <= words.length; at += 4) {
    const a = words[at] as number;
    const b = words[at + 1] as number;
    const c = words[at + 2] as number;
    const d = words[at + 3] as number;
    found |= (((a - 0x20202020) | 0) & ~a) | (((b - 0x20202020) | 0) & ~b);
    found |= (((c - 0x20202020) | 0) & ~c) | (((d - 0x20202020) | 0) & ~d);
  }
  for (; at < words.length; at += 1) {
    const word = words[at] as number;
    found |= ((word - 0x20202020) | 0) & ~word;
  }
  if ((found & 0x80808080) !== 0) return true;
  const tail = head + words.length * 4;
  for (at = from; at < head; at += 1) if ((bytes[at] as number) < 0x20) return true;
  for (at = tail; at < to; at += 1) if ((bytes[at] as number) < 0x20) return true;
  return false;
}
