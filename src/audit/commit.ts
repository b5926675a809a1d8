/** Group commit: all that is queued while a write runs goes out with the next one. */

import { type FrameKind, frameBytes, hashBytes, putFrame } from "../base/frame.ts";
import type { CallRecord } from "../receipt/model.ts";
import type { Wait } from "./awake.ts";
import { isComplete, noteWrite } from "./crowd.ts";
import { Landing } from "./landing.ts";
import { inTheWay, pave } from "./pave.ts";
import { type Batch, fail, reason, type Spool, unavailable, type Writing } from "./spool-model.ts";

/**
 * Queues a frame for the next write. undefined in mode fast: nobody waits, so a write takes all of
 * some ms, and a crash loses at most these.
 */
export function put(
  spool: Spool,
  kind: FrameKind,
  seq: number,
  most: number,
  first: Uint8Array,
  rest?: Uint8Array,
): Landing | undefined {
  const batch = fill(spool, kind, seq, most, first, rest);
  kick(spool);
  return spool.options.mode === "fast" ? undefined : batch.landing;
}

/** As `put`, its bytes are made later: they are at most so many. */
export function placeIn(
  spool: Spool,
  seq: number,
  record: CallRecord,
  most: number,
): Landing | undefined {
  const batch = batchFor(spool, seq, 0);
  spool.unsealed.push(record);
  spool.unsealedBytes += most;
  kick(spool);
  return spool.options.mode === "fast" ? undefined : batch.landing;
}

/** Makes the bytes of what was placed so far. */
export function seal(spool: Spool): void {
  const { unsealed, linker } = spool;
  if (unsealed.length === 0) return;
  try {
    for (const record of unsealed) {
      const seq = linker.next;
      const { body, hash } = linker.linkCall(record);
      fill(spool, record.kind, seq, frameBytes(hashBytes + body.length), hash, body);
    }
  } catch (thrown) {
    fail(spool, thrown);
  }
  unsealed.length = 0;
  spool.unsealedBytes = 0;
}

function fill(
  spool: Spool,
  kind: FrameKind,
  seq: number,
  most: number,
  first: Uint8Array,
  rest?: Uint8Array,
): Batch {
  const batch = batchFor(spool, seq, most);
  const before = batch.length;
  const back = seq - batch.firstSeq;
  batch.length = putFrame(batch.buffer, before, kind, seq, back, first, rest);
  if (kind !== "segment") {
    batch.count += 1;
    batch.head = spool.linker.head;
  }
  batch.segment.end += batch.length - before;
  return batch;
}

function batchFor(spool: Spool, seq: number, most: number): Batch {
  let batch = spool.filling;
  if (batch === undefined) {
    const segment = spool.current;
    const buffer = takeBuffer(spool, most);
    batch = {
      segment,
      at: segment.end,
      firstSeq: seq,
      buffer,
      length: 0,
      count: 0,
      head: spool.linker.head,
      landing: new Landing(),
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

/**
 * Mean batch from which waiting pays; ms between writes then, for each record of the mean and at
 * most; records that end the wait.
 */
const busyMean = 2.5;
const busyPauseMs = 0.25;
const busyPauseMostMs = 2;
const busyFull = 64;
/** Mode fast: ms between writes. */
const fastPauseMs = 25;
/** Larger buffers are not kept. */
const spareBytes = 1024 * 1024;

/**
 * Starts a write at the end of this turn of the loop. A sync costs about 70 CPU µs whatever its
 * size, so when calls come in crowds, writes begin some time apart: the larger the crowd, the
 * longer; but no longer than until nearly all of it has come. Waiting on then took, at 32 calls at
 * once, 20 % more CPU a call (a processor that rests loses its caches) and twice the time.
 */
function kick(spool: Spool): void {
  if (spool.flying) return;
  const due = pause(spool);
  if (spool.scheduled && (spool.stopWaiting === undefined || due > soonMs)) return;
  spool.stopWaiting?.();
  spool.stopWaiting = undefined;
  spool.scheduled = true;
  if (due <= soonMs) setImmediate(flush, spool);
  else spool.stopWaiting = spool.options.clock.after(due, () => flush(spool));
}

/** What is due so soon is due now. */
const soonMs = 0.2;

/** ms until the next write should begin. */
function pause(spool: Spool): number {
  const { filling, queue, options } = spool;
  if (queue.length > 0) return 0;
  if (options.mode === "fast") return fastPauseMs;
  const records = (filling?.count ?? 0) + spool.unsealed.length;
  if (spool.mean < busyMean || records >= busyFull || isComplete(spool.crowd, records)) return 0;
  const apart = Math.min(busyPauseMostMs, spool.mean * busyPauseMs);
  return spool.begun + apart - options.clock.mono();
}

/** Starts the next write unless one runs. */
export function flush(spool: Spool): void {
  if (spool.flying) return;
  spool.scheduled = false;
  spool.stopWaiting?.();
  spool.stopWaiting = undefined;
  const begins = intents(spool.unsealed);
  seal(spool);
  let batch = spool.queue.shift();
  if (batch === undefined) {
    batch = spool.filling;
    spool.filling = undefined;
  }
  if (batch === undefined || spool.failed !== undefined) return;
  spool.flying = true;
  spool.flownAt = spool.options.clock.mono();
  spool.mean = spool.mean * 0.75 + batch.count * 0.25;
  noteWrite(spool.crowd, batch.count, spool.open.size - begins);
  if (spool.mean >= busyMean) spool.begun = spool.flownAt;
  const going = batch;
  awaits(spool, going, "disk");
  write(going).then(
    () => landed(spool, going),
    (thrown: unknown) => {
      fail(spool, thrown);
      going.landing.failed(unavailable(reason(thrown)));
    },
  );
}

function awaits({ options, open }: Spool, { count }: Batch, next: Wait): void {
  if (count === 1 && open.size <= 1) options.awake?.waits(next);
  else options.awake?.rests();
}

function intents(records: readonly CallRecord[]): number {
  let count = 0;
  for (const { kind } of records) if (kind === "intent") count += 1;
  return count;
}

function write({ segment, buffer, length, at }: Batch): Promise<void> {
  const bytes = buffer.subarray(0, length);
  const paving = inTheWay(segment, at + length);
  if (paving === undefined) return segment.file.write(bytes, at);
  return paving.then(() => segment.file.write(bytes, at));
}

function landed(spool: Spool, batch: Batch): void {
  spool.flying = false;
  // A13: since these bytes were sent, zeros beside them could not be written.
  if (spool.failed !== undefined) {
    batch.landing.failed(unavailable(spool.failed));
    return;
  }
  batch.segment.durable = batch.at + batch.length;
  spool.durableSeq = batch.firstSeq + batch.count - 1;
  const { segment, at, firstSeq, count, head } = batch;
  const bytes = batch.buffer.subarray(0, batch.length);
  spool.options.onDurable({ segment, at, bytes, firstSeq, count, head });
  if (spool.spare.length < 2 && batch.buffer.length <= spareBytes) spool.spare.push(batch.buffer);
  if (spool.queue.length > 0 || spool.filling !== undefined) kick(spool);
  if (segment.sealed) closeFull(spool, segment);
  else pave(spool, segment);
  awaits(spool, batch, spool.open.size > 0 ? "server" : "agent");
  batch.landing.landed();
}

/** Its files, once all of it is on disk: after its last write, or where there is none any more. */
export function closeFull(spool: Spool, segment: Writing): void {
  if (segment.durable !== segment.end) return;
  close(segment).catch((thrown: unknown) => fail(spool, thrown));
}

async function close({ file, zeros, paving }: Writing): Promise<void> {
  await paving?.done;
  await zeros.close();
  await file.close();
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
