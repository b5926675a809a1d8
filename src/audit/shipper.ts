/**
 * Brings records to the store: one batch at a time, in order, and only what is on disk. It comes
 * from a bounded queue in memory, or from the segments when the queue was full or from another
 * life; so a store that is down costs no memory.
 */

import { fault, GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Random } from "../base/ports.ts";
import type { Store } from "../store/store.ts";
import type { SpoolFile, SpoolFs } from "./fs.ts";
import { type Watermark, writeLedger } from "./ledger.ts";
import {
  createQueue,
  giveBuffer,
  offer,
  queuedFrom,
  type ShipQueue,
  take,
  takeBuffer,
} from "./queue.ts";
import { damaged, readHeader } from "./recover.ts";
import { segmentName } from "./segment.ts";
import { readRun, recordsOf, type ShipBatch } from "./ship-batch.ts";
import { type Landed, type LiveSegment, reason } from "./spool-model.ts";

export interface ShipperOptions {
  readonly fs: SpoolFs;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** Oldest first; the shipper takes away what is shipped whole. */
  readonly segments: LiveSegment[];
  readonly shipped: Watermark | undefined;
  readonly log: (level: "info" | "warn" | "error", message: string, fields: object) => void;
}

export interface Shipper {
  readonly options: ShipperOptions;
  readonly queue: ShipQueue;
  /** Where the next batch starts in segments[0]; file is open while that segment is read. */
  file: SpoolFile | undefined;
  at: number;
  seq: number;
  prev: Uint8Array;
  mark: Watermark | undefined;
  markDurable: Watermark | undefined;
  /** The last write of the mark: settled when none is under way. */
  marking: Promise<void>;
  markedAt: number;
  /** Wall ms of the oldest record that is known to wait, 0 when none is. */
  oldestAt: number;
  error: string | undefined;
  /** Set for good by a fork or damage: a person must look. */
  halted: boolean;
  failures: number;
  running: Promise<void> | undefined;
  cancelTimer: (() => void) | undefined;
  stopped: boolean;
}

/** Records wait this long, so that batches are large; the ledger is at most this far behind. */
const gatherMs = 50;
/** What is less than this is left for the next batch. */
const gatherBytes = 128 * 1024;
const ledgerEveryMs = 1000;

export function createShipper(options: ShipperOptions): Shipper {
  return {
    options,
    queue: createQueue(),
    file: undefined,
    at: 0,
    seq: 0,
    prev: new Uint8Array(32),
    mark: options.shipped,
    markDurable: options.shipped,
    marking: Promise.resolve(),
    markedAt: 0,
    oldestAt: 0,
    error: undefined,
    halted: false,
    failures: 0,
    running: undefined,
    cancelTimer: undefined,
    stopped: false,
  };
}

/** Told after each write to disk; cheap. */
export function moreToShip(shipper: Shipper, landed: Landed): void {
  if (!shipper.halted && !shipper.stopped) offer(shipper.queue, landed);
  if (shipper.oldestAt === 0) shipper.oldestAt = shipper.options.clock.now();
  if (shipper.running === undefined && shipper.cancelTimer === undefined) later(shipper, gatherMs);
}

/** Bytes on disk that the store does not have, of all segments. */
export function unshippedBytes(shipper: Shipper): number {
  let bytes = -shipper.at;
  for (const segment of shipper.options.segments) bytes += segment.end;
  return Math.max(0, bytes);
}

/** Records that the store does not have; lastSeq: of the chain that is being written. */
export function unshippedRecords(shipper: Shipper, lastSeq: number): number {
  const { segments } = shipper.options;
  let records = 0;
  segments.forEach((segment, at) => {
    const last = segments[at + 1]?.before ?? lastSeq;
    const first = at === 0 && shipper.file !== undefined ? shipper.seq : segment.first;
    records += Math.max(0, last + 1 - first);
  });
  return records;
}

/** Ships what it can within ms, makes the watermark durable, and stops. */
export async function stopShipper(shipper: Shipper, ms: number): Promise<void> {
  cancelTimer(shipper);
  const { clock } = shipper.options;
  await new Promise<void>((resolve) => {
    const cancel = clock.after(ms, resolve);
    finish(shipper).finally(() => {
      cancel();
      resolve();
    });
  });
  shipper.stopped = true;
  cancelTimer(shipper);
  await saveMark(shipper);
  await shipper.file?.close();
  shipper.file = undefined;
}

async function finish(shipper: Shipper): Promise<void> {
  await shipper.running;
  cancelTimer(shipper);
  if (!shipper.halted && !shipper.stopped) await run(shipper, 0);
}

function cancelTimer(shipper: Shipper): void {
  shipper.cancelTimer?.();
  shipper.cancelTimer = undefined;
}

function later(shipper: Shipper, ms: number): void {
  if (shipper.stopped || shipper.halted) return;
  shipper.cancelTimer = shipper.options.clock.after(ms, () => {
    shipper.cancelTimer = undefined;
    shipper.running = run(shipper, gatherBytes).finally(() => {
      shipper.running = undefined;
      if (shipper.failures > 0) later(shipper, backoff(shipper));
      else if (waits(shipper)) later(shipper, gatherMs);
      else if (shipper.mark !== shipper.markDurable) later(shipper, ledgerEveryMs);
    });
  });
}

function backoff(shipper: Shipper): number {
  const most = Math.min(
    limits.backoffLastMs,
    limits.backoffFirstMs * 2 ** Math.min(shipper.failures - 1, 16),
  );
  const random = shipper.options.random.bytes(1)[0] ?? 0;
  return most * (0.5 + random / 512);
}

/** Is there anything to do: records on disk behind the cursor, or a segment to remove? */
function waits(shipper: Shipper): boolean {
  const first = shipper.options.segments[0];
  return first !== undefined && (first.durable > shipper.at || doneWith(shipper, first));
}

/** The next one's header names the intents still open: it must be on disk before this goes. */
function doneWith(shipper: Shipper, segment: LiveSegment): boolean {
  const following = shipper.options.segments[1];
  return (
    segment.sealed &&
    segment.durable === segment.end &&
    (following === undefined || following.durable > 0)
  );
}

/** Ships until no more than `least` bytes are left or something fails. Never rejects. */
async function run(shipper: Shipper, least: number): Promise<void> {
  const { segments, clock } = shipper.options;
  try {
    let begun = clock.now();
    for (let first = segments[0]; first !== undefined && waits(shipper); ) {
      begun = clock.now();
      const batch = await nextBatch(shipper, first);
      if (batch.count > 0) await ship(shipper, batch);
      if (shipper.stopped) return;
      shipper.at = batch.at;
      shipper.seq = batch.first + batch.count;
      shipper.prev = batch.head;
      if (batch.at >= first.end || batch.last) {
        if (doneWith(shipper, first)) await retire(shipper, first);
      }
      first = segments[0];
      if (segments.length === 1 && first !== undefined && first.durable - shipper.at < least) break;
    }
    shipper.oldestAt = waits(shipper) ? begun : 0;
    await saveMarkSometimes(shipper);
  } catch (thrown) {
    failed(shipper, thrown);
  }
}

function failed(shipper: Shipper, thrown: unknown): void {
  const { log, store } = shipper.options;
  const first = shipper.error === undefined;
  shipper.failures += 1;
  shipper.error =
    thrown instanceof GatewayError ? `${thrown.code}: ${withWhy(thrown)}` : reason(thrown);
  const code = thrown instanceof GatewayError ? thrown.code : "";
  if (code === "GW_AUDIT_FORK" || code === "GW_SPOOL_DAMAGED") {
    shipper.halted = true;
    log("error", "Shipping receipts has stopped for good", { code, cause: shipper.error });
  } else if (first) {
    log("warn", "The store takes no receipts; they wait in the spool", {
      store: store.place,
      cause: shipper.error,
    });
  }
}

async function ship(shipper: Shipper, batch: ShipBatch): Promise<void> {
  const { store, clock, log } = shipper.options;
  if (store.shipFrames === undefined) await withDeadline(clock, store.ship(recordsOf(batch)));
  else giveBuffer(shipper.queue, await withDeadline(clock, store.shipFrames(batch)));
  if (shipper.error !== undefined) log("info", "The store takes receipts again", {});
  shipper.failures = 0;
  shipper.error = undefined;
  const hash = Buffer.from(batch.head).toString("hex");
  shipper.mark = { chain: batch.chain, seq: batch.first + batch.count - 1, hash };
}

/** The next records of segments[0]; those up to the watermark are passed over. */
async function nextBatch(shipper: Shipper, segment: LiveSegment): Promise<ShipBatch> {
  const file = shipper.file ?? (await enter(shipper, segment));
  const { queue, mark, at, seq, prev } = shipper;
  const { chain } = segment;
  const ready = take(queue, segment, at);
  if (ready !== undefined && ready.first === seq) {
    const { first, count, head, buffer, length } = ready;
    return { chain, first, count, prev, head, buffer, length, at: at + length, last: false };
  }
  const limit = Math.min(queuedFrom(queue, segment), at + limits.shipBatchBytes);
  // What lands from here on is in the queue again: this batch ends where it begins.
  if (limit === segment.durable && segment === shipper.options.segments.at(-1)) {
    queue.paused = false;
  }
  const shipped = mark?.chain === chain ? mark.seq : -1;
  const buffer = takeBuffer(queue, limits.shipBatchBytes);
  return await readRun(file, segment, { at, seq, prev }, { limit, shipped, buffer });
}

/** Opens segments[0] and puts the cursor behind its header. */
async function enter(shipper: Shipper, segment: LiveSegment): Promise<SpoolFile> {
  const name = segmentName(segment.ordinal);
  const file = await shipper.options.fs.open(name);
  shipper.file = file;
  const header = await readHeader(file);
  if (header === undefined) throw damaged(name, 0, segment.first, "its header does not check");
  shipper.at = header.end;
  shipper.seq = header.value.first;
  shipper.prev = header.value.prev;
  return file;
}

/** Removes segments[0], of which the store has all: watermark, then file, then directory (A16). */
async function retire(shipper: Shipper, segment: LiveSegment): Promise<void> {
  const { fs, segments } = shipper.options;
  const name = segmentName(segment.ordinal);
  const following = segments[1];
  if (following !== undefined && following.before !== shipper.seq - 1) {
    throw damaged(name, shipper.at, shipper.seq, `records up to ${following.before} are missing`);
  }
  await saveMark(shipper);
  await shipper.file?.close();
  shipper.file = undefined;
  shipper.at = 0;
  segments.shift();
  await fs.remove(name);
  await fs.syncDir();
}

async function saveMarkSometimes(shipper: Shipper): Promise<void> {
  const now = shipper.options.clock.mono();
  if (now - shipper.markedAt < ledgerEveryMs) return;
  await saveMark(shipper);
  shipper.markedAt = now;
}

/** One after the other: close() may want it while a write is under way, and both use one file. */
function saveMark(shipper: Shipper): Promise<void> {
  const next = shipper.marking.then(async () => {
    const { mark } = shipper;
    if (mark === undefined || mark === shipper.markDurable) return;
    await writeLedger(shipper.options.fs, mark);
    shipper.markDurable = mark;
  });
  shipper.marking = next.catch(() => undefined);
  return next;
}

/** The store has its own deadlines; this one holds whatever the store does (L10). */
function withDeadline<T>(clock: Clock, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limits.shipDeadlineMs, () => {
      const message = `The store gave no answer within ${limits.shipDeadlineMs} ms`;
      reject(fault("GW_DATABASE", { message }));
    });
    work.then(resolve, reject).finally(cancel);
  });
}

function withWhy({ message, why }: GatewayError): string {
  return why === "" ? message : `${message}: ${why}`;
}
