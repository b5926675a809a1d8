/** One batch for the store, as frames; read from a segment where the queue does not have it. */

import { hashBytes, isZero, readFrame } from "../base/frame.ts";
import type { ChainRecord } from "../receipt/model.ts";
import type { FrameBatch, FrameBuffer } from "../store/store.ts";
import type { SpoolFile } from "./fs.ts";
import { damaged } from "./recover.ts";
import { recordOf, segmentName } from "./segment.ts";
import type { LiveSegment } from "./spool-model.ts";

export interface ShipBatch extends FrameBatch {
  /** Hash of the last record, or `prev` when there is none. */
  readonly head: Uint8Array;
  /** Offset in the segment behind it. */
  readonly at: number;
  /** Only zeros follow in this segment, and it takes no more. */
  readonly last: boolean;
}

interface Cursor {
  readonly at: number;
  readonly seq: number;
  readonly prev: Uint8Array;
}

interface Wanted {
  /** Offset up to which to read. */
  readonly limit: number;
  /** Records up to this seq are passed over. */
  readonly shipped: number;
  readonly buffer: FrameBuffer;
}

/** Whole frames from the cursor on. Rejects with GW_SPOOL_DAMAGED. */
export async function readRun(
  file: SpoolFile,
  segment: LiveSegment,
  from: Cursor,
  wanted: Wanted,
): Promise<ShipBatch> {
  const { buffer, limit, shipped } = wanted;
  const bytes = Buffer.from(buffer.buffer, 0, Math.min(buffer.length, limit - from.at));
  const got = await file.read(bytes, from.at);
  const whole = bytes.subarray(0, got);
  let [end, seq, prev, head, skip] = [0, from.seq, from.prev, from.prev, 0];
  let found: string;
  for (;;) {
    const frame = readFrame(whole, end);
    if (typeof frame === "string" || frame.seq !== seq || frame.kind === "segment") {
      found = typeof frame === "string" ? frame : "bad";
      break;
    }
    head = new Uint8Array(frame.payload.subarray(0, hashBytes));
    end = frame.end;
    seq += 1;
    if (frame.seq <= shipped) {
      skip = end;
      prev = head;
    }
  }
  const ends = from.at + got === segment.end && isZero(whole.subarray(end));
  const last = segment.sealed && (found === "zero" || ends);
  if (!last && (end === 0 || (found !== "short" && end < got))) {
    throw damaged(segmentName(segment.ordinal), from.at + end, seq, "read to ship it");
  }
  buffer.copyWithin(0, skip, end);
  const first = Math.min(Math.max(from.seq, shipped + 1), seq);
  const count = seq - first;
  const at = from.at + end;
  const { chain } = segment;
  return { chain, first, count, prev, head, buffer, length: end - skip, at, last };
}

/** For a store that takes no frames. The records are views. */
export function recordsOf(batch: FrameBatch): ChainRecord[] {
  const { chain, buffer, length } = batch;
  const bytes = Buffer.from(buffer.buffer, 0, length);
  const records: ChainRecord[] = [];
  let prev = batch.prev;
  for (let at = 0; at < length; ) {
    const frame = readFrame(bytes, at);
    if (typeof frame === "string") throw new Error(`a ${frame} frame in a batch`);
    const record = recordOf(chain, prev, frame);
    records.push(record);
    prev = record.hash;
    at = frame.end;
  }
  return records;
}
