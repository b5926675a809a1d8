/**
 * One file of the spool: `<ordinal, 10 digits>.seg`, a header frame, then records of one chain. The
 * header says what recovery must know of those before it, so that a start reads only the last.
 */

import { type Frame, framePayloadMax, hashBytes, isZero, readFrame } from "../base/frame.ts";
import { isObject, member } from "../base/json.ts";
import { chainBytes } from "../receipt/chain.ts";
import type { ChainRecord } from "../receipt/model.ts";
import type { SpoolFile } from "./fs.ts";

export interface SegmentHeader {
  readonly chain: string;
  /** seq of its first record, and the hash before that. */
  readonly first: number;
  readonly prev: Uint8Array;
  /** Last seq of the segment before it, of whatever chain; -1 when there is none. */
  readonly before: number;
  /** Intents of this chain still without an outcome when the segment was begun. */
  readonly open: readonly number[];
}

export function segmentName(ordinal: number): string {
  return `${String(ordinal).padStart(10, "0")}.seg`;
}

/** undefined: not a segment. */
export function segmentOrdinal(name: string): number | undefined {
  const digits = name.slice(0, 10);
  const ordinal = Number(digits);
  return name === `${digits}.seg` && Number.isInteger(ordinal) ? ordinal : undefined;
}

export function encodeHeader(header: SegmentHeader): Uint8Array {
  const { chain, first, before, open } = header;
  const prev = Buffer.from(header.prev).toString("hex");
  return new TextEncoder().encode(JSON.stringify({ v: 1, chain, first, prev, before, open }));
}

/** undefined: not a header frame of this version. */
export function decodeHeader(frame: Frame): SegmentHeader | undefined {
  if (frame.kind !== "segment") return undefined;
  const tree: unknown = JSON.parse(frame.payload.toString("utf8"));
  if (!isObject(tree) || member(tree, "v") !== 1) return undefined;
  const chain = member(tree, "chain");
  const prev = member(tree, "prev");
  const before = member(tree, "before");
  const open = member(tree, "open");
  if (typeof chain !== "string" || chainBytes(chain).length !== 16) return undefined;
  if (typeof prev !== "string" || typeof before !== "number") return undefined;
  if (!Array.isArray(open)) return undefined;
  return {
    chain,
    first: frame.seq,
    prev: new Uint8Array(Buffer.from(prev, "hex")),
    before,
    open: open.map(Number),
  };
}

/** A frame as a record; copies, so that it outlives the buffer. */
export function recordOf(chain: string, prev: Uint8Array, frame: Frame): ChainRecord {
  if (frame.kind === "segment") throw new Error("a header is not a record");
  return {
    chain,
    seq: frame.seq,
    kind: frame.kind,
    prev,
    hash: new Uint8Array(frame.payload.subarray(0, hashBytes)),
    body: new Uint8Array(frame.payload.subarray(hashBytes)),
  };
}

export interface Scan {
  /** Offset behind the last frame taken. */
  readonly at: number;
  /** Why it stopped: `limit` or `stopped` are in order, `zero` is the end or a hole. */
  readonly found: "zero" | "bad" | "limit" | "stopped";
}

const window = 1024 * 1024;

/** Calls back with the frames from an offset on, until one is not whole or `take` says false. */
export async function scanFrames(
  file: SpoolFile,
  from: number,
  limit: number,
  take: (frame: Frame, at: number) => boolean,
): Promise<Scan> {
  let at = from;
  let size = window;
  while (at < limit) {
    const wanted = Math.min(size, limit - at);
    const buffer = Buffer.allocUnsafe(wanted);
    const got = await file.read(buffer, at);
    const whole = got < wanted || at + got >= limit;
    const part = takeAll(buffer.subarray(0, got), at, take);
    if (part.found === "short" && part.at === at && !whole) {
      size = framePayloadMax + window;
      continue;
    }
    at = part.at;
    if (part.found !== "short") return { at, found: part.found };
    if (whole) return { at, found: at >= limit ? "limit" : "bad" };
  }
  return { at, found: "limit" };
}

function takeAll(
  buffer: Buffer,
  base: number,
  take: (frame: Frame, at: number) => boolean,
): { at: number; found: "zero" | "bad" | "short" | "stopped" } {
  let at = 0;
  for (;;) {
    const frame = readFrame(buffer, at);
    if (typeof frame === "string") return { at: base + at, found: frame };
    if (!take(frame, base + at)) return { at: base + at, found: "stopped" };
    at = frame.end;
  }
}

export interface Tail {
  /** Bytes from the offset to the last that is not zero. */
  readonly lostBytes: number;
  /** True when a frame behind shows that what is missing here had been on disk (A15). */
  readonly damaged: boolean;
}

/**
 * Judges what stands where a frame with seq `expected` should: nothing, a torn write, damage.
 * undefined: not known, because the header of the segment is what is missing.
 */
export async function judgeTail(
  file: SpoolFile,
  from: number,
  expected: number | undefined,
): Promise<Tail> {
  const size = await file.size();
  let last = from;
  const buffer = Buffer.allocUnsafe(window);
  for (let at = from; at < size; ) {
    const got = await file.read(buffer.subarray(0, Math.min(window, size - at)), at);
    if (got === 0) break;
    const end = usedEnd(buffer.subarray(0, got));
    if (end > 0) last = at + end;
    at += got;
  }
  if (last === from) return { lostBytes: 0, damaged: false };
  const rest = Buffer.alloc(Math.min(size, last + 8) - from);
  await file.read(rest, from);
  return { lostBytes: last - from, damaged: durableBehind(rest, expected) };
}

/** Offset behind the last byte that is not zero. */
function usedEnd(bytes: Buffer): number {
  if (isZero(bytes)) return 0;
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}

/** Is there a whole frame that was written after the one with this seq had been synced? */
function durableBehind(bytes: Buffer, expected: number | undefined): boolean {
  let wanted = expected;
  for (let at = 0; at < bytes.length; at += 8) {
    const frame = readFrame(bytes, at);
    if (typeof frame === "string") continue;
    // The first frame found was in the same write as the missing header, or else later ones tell.
    wanted ??= frame.seq - frame.back;
    if (frame.seq < wanted || frame.seq - frame.back > wanted) return true;
  }
  return false;
}
