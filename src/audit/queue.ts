/**
 * What is on disk and waits for the store, in memory too as far as it fits: shipping it then costs
 * one copy. Nothing depends on it: what it does not hold is read from the segments.
 */

import { frameBytes } from "../base/frame.ts";
import { limits } from "../base/limits.ts";
import type { FrameBuffer } from "../store/store.ts";
import type { Landed, LiveSegment } from "./spool-model.ts";

/** Frames that stand one behind the other in a segment, headers left out. */
export interface Run {
  readonly segment: LiveSegment;
  readonly at: number;
  readonly first: number;
  readonly buffer: FrameBuffer;
  length: number;
  count: number;
  /** Hash of the last. */
  head: Uint8Array;
}

export interface ShipQueue {
  readonly runs: Run[];
  bytes: number;
  /** It was full: takes nothing until the shipper has read from disk up to what comes next. */
  paused: boolean;
  readonly spare: FrameBuffer[];
}

export function createQueue(): ShipQueue {
  return { runs: [], bytes: 0, paused: false, spare: [] };
}

/** Copies what landed, or lets it be. */
export function offer(queue: ShipQueue, landed: Landed): void {
  if (queue.paused || landed.count === 0) return;
  const { segment, firstSeq, count, head } = landed;
  const skip = landed.at === 0 ? frameBytes(landed.bytes.readUInt32LE(0)) : 0;
  const bytes = landed.bytes.subarray(skip);
  if (queue.bytes + bytes.length > limits.shipQueueBytes) {
    queue.paused = true;
    return;
  }
  const at = landed.at + skip;
  let run = queue.runs.at(-1);
  if (run === undefined || !goesOn(run, segment, at, bytes.length)) {
    const buffer = takeBuffer(queue, bytes.length);
    run = { segment, at, first: firstSeq, buffer, length: 0, count: 0, head };
    queue.runs.push(run);
  }
  run.buffer.set(bytes, run.length);
  run.length += bytes.length;
  run.count += count;
  run.head = head;
  queue.bytes += bytes.length;
}

function goesOn(run: Run, segment: LiveSegment, at: number, bytes: number): boolean {
  const follows = run.segment === segment && run.at + run.length === at;
  return follows && run.length + bytes <= run.buffer.length;
}

/** The run that starts at this place. */
export function take(queue: ShipQueue, segment: LiveSegment, at: number): Run | undefined {
  for (;;) {
    const run = queue.runs[0];
    if (run === undefined || run.segment !== segment || run.at > at) return undefined;
    queue.runs.shift();
    queue.bytes -= run.length;
    if (run.at === at) return run;
  }
}

/** Up to where the disk must be read. */
export function queuedFrom(queue: ShipQueue, segment: LiveSegment): number {
  const run = queue.runs[0];
  return run?.segment === segment ? run.at : segment.durable;
}

/** All that a full queue needs, and the one being shipped: as garbage they would weigh more. */
const spareMost = limits.shipQueueBytes / limits.shipBatchBytes + 1;

export function takeBuffer(queue: ShipQueue, least: number): FrameBuffer {
  const spare = least <= limits.shipBatchBytes ? queue.spare.pop() : undefined;
  return spare ?? new Uint8Array(Math.max(limits.shipBatchBytes, least));
}

export function giveBuffer(queue: ShipQueue, buffer: FrameBuffer | undefined): void {
  if (buffer?.length !== limits.shipBatchBytes || queue.spare.length >= spareMost) return;
  queue.spare.push(buffer);
}
