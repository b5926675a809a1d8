/**
 * One pass over the bytes of a JSON text, before it is parsed: bounds, counts and member spans.
 *
 * The grammar is left to JSON.parse, which must accept the text too. For every text it accepts,
 * what this pass reports is exact; for any other text the report means nothing, but the pass ends.
 * It is not recursive, and costs about 1 ns a byte outside of strings and far less inside them.
 */

import { longRun } from "./long-texts.ts";
import { numberKind } from "./numbers.ts";

export interface ScanBounds {
  /** Nesting of arrays and objects, the root counts as 1. */
  readonly depth: number;
  /** Values of every kind, containers included, keys not. */
  readonly values: number;
}

/**
 * What one pass found, and where it is. One object, written over by the next pass, as each message
 * of the data path takes one: whoever keeps `marks` or `runs` keeps a copy.
 */
export class Scan {
  /** Bounds that were crossed; the rest of the report is then unfinished. */
  over: "depth" | "values" | undefined;
  /** Members of all objects, duplicates counted each time. */
  members = 0;
  /** False when no key or string can hold an escape, and no key anything but 0x20 to 0x7e. */
  odd = false;
  /** A number that no double holds, and one whose double prints as another decimal. */
  infinite = false;
  inexact = false;
  /**
   * Members at depth 1 and 2, `markSize` numbers each: depth, key start and end, value start and
   * end. The first `marked` numbers count, what stands behind them is of an earlier text.
   */
  marks: number[] = [];
  marked = 0;
  /** Start and end of long runs of bytes inside of values, without quotes and backslashes. */
  readonly runs: number[] = [];
  /** Nearest quote and backslash found by native search; still ahead while not below the cursor. */
  quote = -1;
  backslash = -1;

  begin(): void {
    this.over = undefined;
    this.members = 0;
    this.odd = this.infinite = this.inexact = false;
    this.marked = 0;
    // Setting a length is a slow path of the runtime, and never becomes a fast one.
    if (this.marks.length > marksKept) this.marks = [];
    if (this.runs.length > 0) this.runs.length = 0;
    this.quote = this.backslash = -1;
  }
}

/** Numbers; an array of more is not used again. */
const marksKept = 4096;

const found = new Scan();

export const markSize = 5;

const quote = 0x22;
const backslash = 0x5c;
/** String bytes looked at one by one before native search pays. */
const near = 16;
/** Any decimal of so few characters without an exponent survives a double. */
const safeDigits = 15;

export function scan(bytes: Uint8Array, bounds: ScanBounds): Readonly<Scan> {
  const end = bytes.length;
  found.begin();
  const { marks } = found;
  let marked = 0;
  let at = 0;
  let depth = 0;
  let stringCount = 0;
  let members = 0;
  let others = 0;
  let keyStart = 0;
  let keyEnd = 0;
  let lastEnd = 0;
  // Index in marks of the member whose value is being read, at depth 1 and 2; -1 for none.
  let first = -1;
  let second = -1;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte === quote) {
      stringCount += 1;
      keyStart = at;
      at = stringEnd(bytes, at + 1, found) + 1;
      keyEnd = at;
      lastEnd = at;
      continue;
    }
    at += 1;
    if (byte === 0x3a) {
      members += 1;
      if (keyEnd - keyStart > near) checkKey(bytes, keyStart, keyEnd, found);
      if (depth > 2) continue;
      while ((bytes[at] as number) <= 0x20) at += 1;
      if (depth === 1) first = marked;
      else second = marked;
      marked = setMark(marks, marked, depth, keyStart, keyEnd, at);
    } else if (byte === 0x2c || byte === 0x7d || byte === 0x5d) {
      // A comma or a closing bracket ends the member before it at this depth.
      if (depth === 2 && second >= 0) {
        marks[second + markSize - 1] = lastEnd;
        second = -1;
      } else if (depth === 1 && first >= 0) {
        marks[first + markSize - 1] = lastEnd;
        first = -1;
      }
      if (byte !== 0x2c) {
        depth -= 1;
        lastEnd = at;
      } else if (stringCount - members + others > bounds.values) break;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      others += 1;
      if (depth > bounds.depth) {
        found.over = "depth";
        break;
      }
    } else if (byte > 0x20) {
      others += 1;
      at = scalarEnd(bytes, at - 1, found);
      lastEnd = at;
    }
  }
  found.members = members;
  found.marked = marked;
  if (stringCount - members + others > bounds.values) found.over ??= "values";
  return found;
}

/** Whose end is not known yet; where the next one stands. */
function setMark(
  marks: number[],
  mark: number,
  depth: number,
  keyStart: number,
  keyEnd: number,
  valueStart: number,
): number {
  marks[mark] = depth;
  marks[mark + 1] = keyStart;
  marks[mark + 2] = keyEnd;
  marks[mark + 3] = valueStart;
  marks[mark + 4] = 0;
  return mark + markSize;
}

/**
 * Index of the closing quote of a string whose text starts at `from`; the length when there is
 * none.
 */
function stringEnd(bytes: Uint8Array, from: number, state: Scan): number {
  const end = bytes.length;
  let at = from;
  while (at < end) {
    const stop = Math.min(at + near, end);
    while (at < stop) {
      const byte = bytes[at] as number;
      if (byte === quote) return at;
      if (byte === backslash) at += 1;
      if (byte > 0x7e || byte === backslash) state.odd = true;
      at += 1;
    }
    // Both finds are kept, or many short strings before one far backslash would cost a search each.
    if (state.quote < at) state.quote = find(bytes, quote, at);
    if (state.backslash < at) state.backslash = find(bytes, backslash, at);
    const from = at;
    at = Math.min(state.quote, state.backslash);
    if (at - from >= longRun) state.runs.push(from, at);
  }
  return end;
}

/** stringEnd looks at the first bytes only, which is too little for a long key. */
function checkKey(bytes: Uint8Array, start: number, end: number, state: Scan): void {
  const { runs } = state;
  // Keys stay whole.
  while (runs.length > 0 && (runs[runs.length - 2] as number) > start) runs.length -= 2;
  for (let at = start + near; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte > 0x7e || byte === backslash) state.odd = true;
  }
}

function find(bytes: Uint8Array, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at === -1 ? bytes.length : at;
}

/** End of a number, true, false or null; takes note of numbers that a double does not hold. */
function scalarEnd(bytes: Uint8Array, start: number, numbers: Scan): number {
  let at = start;
  let exponent = false;
  for (; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === 0x2c || byte === 0x7d || byte === 0x5d || byte <= 0x20) break;
    if (byte === 0x65 || byte === 0x45) exponent = true;
  }
  const isNumber = (bytes[start] as number) <= 0x39;
  if (isNumber && (exponent || at - start > safeDigits)) {
    const kind = numberKind(bytes, start, at);
    if (kind === "infinite") numbers.infinite = true;
    if (kind === "inexact") numbers.inexact = true;
  }
  return at;
}
