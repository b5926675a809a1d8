/**
 * JSON with long texts, parsed without them. A text of a megabyte costs a decoded copy and one more
 * by JSON.parse, of fresh memory each; where runs of plain characters are cut out of long strings
 * first, what is left is as good or bad JSON as the whole was, and only the grammar's own bytes are
 * copied.
 */

import { Buffer, isUtf8 } from "node:buffer";
import { type Brief, type BriefObject, fillBrief, LongText } from "../base/brief.ts";
import type { Json, JsonObject } from "../base/json.ts";
import { limits } from "../base/limits.ts";

/** Runs shorter than this are left to JSON.parse. */
export const longRun = 4096;

/** An escape has at most six bytes, and the scan may have stopped within one. */
const margin = 8;

/** Stands where a text was cut: no UTF-8 decodes to it, so only an escape could forge it. */
const mark = "\ud800";

export interface Shortened {
  /** With a mark and a number for each run. */
  readonly text: string;
  /** Of each run: all of it is ASCII. */
  readonly ascii: readonly boolean[];
}

/**
 * The text of `bytes` without its runs, start and end of plain string bytes each, neither quote nor
 * backslash. undefined when a run is not UTF-8, or holds a control character where JSON allows
 * none. Throws what `decode` throws.
 */
export function withoutRuns(
  bytes: Uint8Array,
  runs: readonly number[],
  decode: (bytes: Uint8Array) => string,
): Shortened | undefined {
  const ascii: boolean[] = [];
  let text = "";
  let copied = 0;
  for (let at = 0; at < runs.length; at += 2) {
    const start = cutStart(bytes, runs[at] as number);
    const end = runs[at + 1] as number;
    const kind = kindOf(bytes, start, end);
    if (kind === "control") return undefined;
    if (kind === "wide" && !isUtf8(bytes.subarray(start, end))) return undefined;
    ascii.push(kind === "ascii");
    text += `${decode(bytes.subarray(copied, start))}${mark}${at}`;
    copied = end;
  }
  return { text: text + decode(bytes.subarray(copied)), ascii };
}

/** Puts long texts that stand for themselves in a brief tree where they were. */
export function fillLong(tree: BriefObject, bytes: Uint8Array): void {
  fillBrief(tree, ({ start, length }) => latin1(bytes, start, start + length));
}

/**
 * Puts the runs back into the strings of a tree; no string of the whole text has an escape. Below
 * `brief` those that no rule may read are left as their length; whether there are any.
 */
export function fillRuns(
  root: JsonObject,
  bytes: Uint8Array,
  { runs, ascii }: { readonly runs: readonly number[]; readonly ascii: readonly boolean[] },
  decode: (bytes: Uint8Array) => string,
  brief: JsonObject | undefined,
): boolean {
  let within = false;
  let left = false;
  const filled = (value: Json): Brief => {
    if (typeof value !== "string") {
      if (typeof value === "object" && value !== null) fill(value as JsonObject | Json[]);
      return value;
    }
    const at = value.lastIndexOf(mark);
    if (at === -1) return value;
    const run = Number(value.slice(at + 1));
    // Decoded whole: joined to what stands before the mark it would be copied once more when read.
    const start = bytes.lastIndexOf(0x22, runs[run] as number) + 1;
    const end = runs[run + 1] as number;
    if (ascii[run / 2] !== true || !isAscii(value, at)) return decode(bytes.subarray(start, end));
    if (!within || end - start <= limits.subjectBytes) return latin1(bytes, start, end);
    left = true;
    return new LongText(start, end - start);
  };
  const fill = (container: JsonObject | Json[]): void => {
    if (Array.isArray(container)) {
      for (const [index, value] of container.entries()) container[index] = filled(value) as Json;
      return;
    }
    const outside = !within;
    within ||= container === brief;
    // Assigning to __proto__ would set no member; such a body is refused anyway.
    for (const key in container) {
      const value = container[key] as Json;
      const whole = filled(value);
      if (whole !== value) (container as Record<string, Brief>)[key] = whole;
    }
    if (outside) within = false;
  };
  fill(root);
  return left;
}

function isAscii(text: string, until: number): boolean {
  for (let at = 0; at < until; at += 1) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

/** A quarter less than decoding what was looked at already. */
function latin1({ buffer, byteOffset }: Uint8Array, start: number, end: number): string {
  return Buffer.from(buffer as ArrayBuffer, byteOffset + start, end - start).toString("latin1");
}

/** Not within an escape, nor within a character. */
function cutStart(bytes: Uint8Array, from: number): number {
  let start = from + margin;
  while (((bytes[start] as number) & 0xc0) === 0x80) start += 1;
  return start;
}

type Kind = "ascii" | "wide" | "control";

/** Four bytes at a time; aligned, as the view of them must be. */
function kindOf(bytes: Uint8Array, from: number, to: number): Kind {
  const head = Math.min(to, from + (-(bytes.byteOffset + from) & 3));
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, (to - head) >> 2);
  const fours = words.length & ~3;
  let at = 0;
  while (at < fours) {
    const end = Math.min(at + blockWords, fours);
    if (!isAsciiText(words, at, end)) break;
    at = end;
  }
  const exact = at === fours ? "ascii" : kindOfFours(words, at, fours);
  if (exact === "control") return exact;
  const tail = head + fours * 4;
  const ends = worse(kindOfBytes(bytes, from, head), kindOfBytes(bytes, tail, to));
  return worse(exact, ends);
}

/** After so many words the quick look is given up where the text is not ASCII. */
const blockWords = 4096;

/** Of each byte bit 6 or 5, of none bit 7; four words a turn, which halves the time. */
function isAsciiText(words: Int32Array, from: number, to: number): boolean {
  let all = -1;
  let any = 0;
  for (let at = from; at < to; at += 4) {
    const a = words[at] as number;
    const b = words[at + 1] as number;
    const c = words[at + 2] as number;
    const d = words[at + 3] as number;
    all &= (a | (a << 1)) & (b | (b << 1)) & (c | (c << 1)) & (d | (d << 1));
    any |= a | b | c | d;
  }
  return (all & 0x40404040) === 0x40404040 && (any & 0x80808080) === 0;
}

function kindOfFours(words: Int32Array, from: number, to: number): Kind {
  let found = 0;
  let any = 0;
  // The high bit of each byte that is below 0x20.
  for (let at = from; at < to; at += 4) {
    const a = words[at] as number;
    const b = words[at + 1] as number;
    const c = words[at + 2] as number;
    const d = words[at + 3] as number;
    found |= (((a - 0x20202020) | 0) & ~a) | (((b - 0x20202020) | 0) & ~b);
    found |= (((c - 0x20202020) | 0) & ~c) | (((d - 0x20202020) | 0) & ~d);
    any |= a | b | c | d;
  }
  if ((found & 0x80808080) !== 0) return "control";
  return (any & 0x80808080) === 0 ? "ascii" : "wide";
}

function kindOfBytes(bytes: Uint8Array, from: number, to: number): Kind {
  let kind: Kind = "ascii";
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number;
    if (byte < 0x20) return "control";
    if (byte > 0x7f) kind = "wide";
  }
  return kind;
}

function worse(one: Kind, other: Kind): Kind {
  if (one === "control" || other === "control") return "control";
  return one === "wide" ? one : other;
}
