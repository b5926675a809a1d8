/** Group commit: all that is queued while a write runs goes out with the next one. */

import type { GatewayError } from "../base/errors.ts";
import { type FrameKind, putFrame } from "./frame.ts";
import { type Batch, fail, reason, type Spool, unavailable } from "./spool-model.ts";

const fastSyncMs = 20;

/** Queues a frame for the next write; in mode fast hands it to the kernel at once. */
export function put(
  spool: Spool,
  kind: FrameKind,
  seq: number,
  parts: readonly Uint8Array[],
  most: number,
): Promise<void> | undefined {
  if (spool.options.mode === "fast") {
    putNow(spool, kind, seq, parts, most);
    return undefined;
  }
  const batch = batchFor(spool, seq, most);
  const before = batch.length;
  batch.length = putFrame(batch.buffer, before, { kind, seq, back: seq - batch.firstSeq }, parts);
  if (kind !== "segment") batch.count += 1;
  batch.segment.end += batch.length - before;
  kick(spool);
  return batch.promise;
}

/** Mode fast: the kernel has it when this returns, so kill -9 loses nothing; a power cut may. */
function putNow(
  spool: Spool,
  kind: FrameKind,
  seq: number,
  parts: readonly Uint8Array[],
  most: number,
): void {
  const segment = spool.current;
  const buffer = takeBuffer(spool, most);
  const length = putFrame(buffer, 0, { kind, seq, back: seq - spool.durableSeq - 1 }, parts);
  try {
    segment.file.writeNow(buffer.subarray(0, length), segment.end);
  } catch (thrown) {
    fail(spool, thrown);
    throw unavailable(reason(thrown));
  }
  spool.spare.push(buffer);
  segment.end += length;
  spool.unsynced.add(segment.file);
  if (spool.syncDue) return;
  spool.syncDue = true;
  spool.options.clock.after(fastSyncMs, () => void syncFast(spool));
}

/** Mode fast: brings all that was written to the disk. */
export async function syncFast(spool: Spool): Promise<void> {
  if (spool.flying) return nextTurn();
  spool.syncDue = false;
  spool.flying = true;
  const seq = spool.linker.next - 1;
  // Now, not later: appends go on, and the shipper removes, while this waits.
  const ends = spool.segments.map((segment) => ({ segment, end: segment.end }));
  const files = [...spool.unsynced];
  const writing = spool.current.file;
  spool.unsynced.clear();
  try {
    // Oldest first: a later segment must never be whole while an earlier one is not.
    for (const file of files) await file.sync();
  } catch (thrown) {
    fail(spool, thrown);
    return;
  } finally {
    spool.flying = false;
  }
  spool.durableSeq = seq;
  for (const { segment, end } of ends) segment.durable = end;
  for (const file of files) if (file !== writing) await file.close();
  spool.options.onDurable();
}

function batchFor(spool: Spool, seq: number, most: number): Batch {
  let batch = spool.filling;
  if (batch === undefined) {
    const segment = spool.current;
    const settle = { resolve: () => {}, reject: (_: GatewayError) => {} };
    const promise = new Promise<void>((resolve, reject) => {
      settle.resolve = resolve;
      settle.reject = reject;
    });
    promise.catch(() => {
      // Callers wait on it or not; a failure also shows in status and in every later append.
    });
    const buffer = takeBuffer(spool, most);
    batch = {
      segment,
      at: segment.end,
      firstSeq: seq,
      buffer,
      length: 0,
      count: 0,
      promise,
      settle,
    };
    spool.filling = batch;
  }
  if (batch.length + most > batch.buffer.length) {
    const larger = Buffer.allocUnsafe((batch.length + most) * 2);
    batch.buffer.copy(larger, 0, 0, batch.length);
    batch.buffer = larger;
  }
  return batch;
}

function takeBuffer(spool: Spool, least: number): Buffer {
  const buffer = spool.spare.pop();
  return buffer !== undefined && buffer.length >= least
    ? buffer
    : Buffer.allocUnsafe(Math.max(64 * 1024, least * 2));
}

/** Mean batch from which waiting pays; ms between writes then; records that end the wait. */
const busyMean = 2.5;
const busyPauseMs = 1;
const busyFull = 64;

/**
 * Starts a write at the end of this turn of the loop. A sync costs about 70 CPU µs whatever its
 * size, so when calls come in crowds, writes begin at least a millisecond apart.
 */
function kick(spool: Spool): void {
  if (spool.flying || spool.scheduled) return;
  spool.scheduled = true;
  const { clock } = spool.options;
  const due = spool.mean < busyMean ? 0 : spool.begun + busyPauseMs - clock.mono();
  const full = (spool.filling?.count ?? 0) >= busyFull || spool.queue.length > 0;
  if (due <= 0.2 || full) setImmediate(flush, spool);
  else clock.after(due, () => flush(spool));
}

/** Starts the next write unless one runs. */
export function flush(spool: Spool): void {
  if (spool.flying) return;
  spool.scheduled = false;
  let batch = spool.queue.shift();
  if (batch === undefined) {
    batch = spool.filling;
    spool.filling = undefined;
  }
  if (batch === undefined || spool.failed !== undefined) return;
  spool.flying = true;
  spool.mean = spool.mean * 0.75 + batch.count * 0.25;
  if (spool.mean >= busyMean) spool.begun = spool.options.clock.mono();
  const going = batch;
  going.segment.file.write(going.buffer.subarray(0, going.length), going.at).then(
    () => landed(spool, going),
    (thrown: unknown) => {
      fail(spool, thrown);
      going.settle.reject(unavailable(reason(thrown)));
    },
  );
}

function landed(spool: Spool, batch: Batch): void {
  spool.flying = false;
  batch.segment.durable = batch.at + batch.length;
  spool.durableSeq = batch.firstSeq + batch.count - 1;
  batch.settle.resolve();
  if (spool.spare.length < 2) spool.spare.push(batch.buffer);
  if (spool.queue.length > 0 || spool.filling !== undefined) kick(spool);
  const { segment } = batch;
  if (segment.sealed && segment.durable === segment.end) {
    segment.file.close().catch((thrown: unknown) => fail(spool, thrown));
  }
  spool.options.onDurable();
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
