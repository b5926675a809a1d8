/**
 * The one writer of a chain: gives each record its place at once and writes in groups. All that is
 * queued while a write runs goes out with the next one; a batch tells all who wait for it.
 */

import { frameBytes, framePayloadMax, hashBytes } from "../base/frame.ts";
import { limits } from "../base/limits.ts";
import { createLinker, noPrev, receiptId } from "../receipt/chain.ts";
import { bodyBytesMost, callRecordBody } from "../receipt/encode.ts";
import type { CallRecord, OutcomeFields, RecordKind } from "../receipt/model.ts";
import type { Appended } from "./audit.ts";
import { closeFull, flush, nextTurn, placeIn, put, seal } from "./commit.ts";
import { newCrowd } from "./crowd.ts";
import type { SpoolFile, SpoolFs } from "./fs.ts";
import type { Landing, Waiter } from "./landing.ts";
import { encodeHeader, segmentName } from "./segment.ts";
import {
  type LiveSegment,
  type Made,
  reason,
  type Spool,
  type SpoolOptions,
  unavailable,
  type Writing,
} from "./spool-model.ts";

/** Bytes kept for the outcome of each call in flight, and for the end of the chain. */
const outcomeReserve = 1024;
const closeReserve = 4096;
/** The last sizes tried when the disk is nearly full. */
const smallestSegment = 256 * 1024;
const retrySpaceMs = 250;

/** Makes the first segment; `open` is to be its first record. Rejects: GW_AUDIT_UNAVAILABLE. */
export async function startSpool(
  options: SpoolOptions,
  chain: string,
  ordinal: number,
  stored: readonly LiveSegment[],
  before: number,
): Promise<Spool> {
  const linker = createLinker(chain, 0, noPrev);
  const made = await makeFile(options, ordinal).catch((thrown: unknown) => {
    throw unavailable(`no space for a segment: ${reason(thrown)}`);
  });
  const current = liveSegment(made, chain, ordinal, 0, before);
  const spool: Spool = {
    options,
    chain,
    idStart: receiptId(chain, 0).slice(0, -1),
    linker,
    segments: [...stored, current],
    open: new Set(),
    crowd: newCrowd(),
    stopWaiting: undefined,
    durableSeq: -1,
    ended: false,
    failed: undefined,
    noSpace: undefined,
    current,
    ordinal,
    next: undefined,
    made: Promise.resolve(),
    making: false,
    filling: undefined,
    unsealed: [],
    unsealedBytes: 0,
    queue: [],
    flying: false,
    flownAt: 0,
    scheduled: false,
    mean: 1,
    begun: 0,
    spare: [],
  };
  putHeader(spool);
  return spool;
}

/** What of it only few ask for is made when it is asked for: there are two of these a call. */
class Placed implements Appended {
  readonly seq: number;
  readonly of: number;
  readonly idStart: string;
  readonly #landing: Landing | undefined;

  /** `of`: seq of the call's first record. `landing`: undefined in mode fast. */
  constructor({ idStart }: Spool, seq: number, of: number, landing: Landing | undefined) {
    this.seq = seq;
    this.of = of;
    this.idStart = idStart;
    this.#landing = landing;
  }

  get id(): string {
    return `${this.idStart}${this.of}`;
  }

  get durable(): Promise<void> | undefined {
    return this.#landing?.promise();
  }

  tells(waiter: Waiter): boolean {
    this.#landing?.add(waiter);
    return this.#landing !== undefined;
  }
}

/**
 * Appends a record of a call. It has its place at once, and is made bytes when the group that it
 * is written with is complete, one record after another: off the path of its call, and a little
 * cheaper (1 % of a call). Throws GW_AUDIT_UNAVAILABLE: nothing written.
 */
export function appendCall(spool: Spool, record: CallRecord): Appended {
  if (spool.failed !== undefined) throw unavailable(spool.failed);
  const { current } = spool;
  const most = frameBytes(hashBytes + bodyBytesMost(record));
  if (most > framePayloadMax || current.end + spool.unsealedBytes + most > current.capacity) {
    const of = record.kind === "outcome" ? record.fields.of : undefined;
    return append(spool, record.kind, callRecordBody(record), of);
  }
  if (spool.next === undefined && nearEnd(current)) makeNext(spool);
  const seq = nextSeq(spool);
  const landing = placeIn(spool, seq, record, most);
  if (record.kind === "intent") spool.open.add(seq);
  return new Placed(spool, seq, record.kind === "outcome" ? record.fields.of : seq, landing);
}

/**
 * Ends an intent. Mode fast writes some ms later, when most calls are over: both are one record
 * then, with the seq of the intent.
 */
export function appendOutcome(spool: Spool, fields: OutcomeFields, at: number): Appended {
  const { of } = fields;
  const appended = endUnsealed(spool, fields)
    ? new Placed(spool, of, of, undefined)
    : appendCall(spool, { kind: "outcome", fields, at });
  spool.open.delete(of);
  return appended;
}

/** Its intent's group is to be written anyway. False: the outcome needs a record of its own. */
function endUnsealed(spool: Spool, end: OutcomeFields): boolean {
  const { current, linker, options, unsealed } = spool;
  // Mode strict forwards a call when its intent is on disk: it is written alone, whatever comes.
  if (options.mode === "strict" || spool.failed !== undefined) return false;
  const place = end.of - linker.next;
  const intent = place < 0 ? undefined : unsealed[place];
  if (intent?.kind !== "intent") return false;
  const record: CallRecord = { kind: "call", fields: intent.fields, at: intent.at, end };
  const most = frameBytes(hashBytes + bodyBytesMost(record));
  const bytes = spool.unsealedBytes + most - frameBytes(hashBytes + bodyBytesMost(intent));
  if (most > framePayloadMax || current.end + bytes > current.capacity) return false;
  unsealed[place] = record;
  spool.unsealedBytes = bytes;
  return true;
}

/** Of the next record. */
export function nextSeq({ linker, unsealed }: Spool): number {
  return linker.next + unsealed.length;
}

/** As `appendCall`, any record: its bytes are made now. `of`: the intent of an outcome. */
export function append(spool: Spool, kind: RecordKind, text: string, of?: number): Appended {
  seal(spool);
  if (spool.failed !== undefined) throw unavailable(spool.failed);
  const most = frameBytes(hashBytes + Buffer.byteLength(text));
  if (most > framePayloadMax) throw unavailable(`a record of ${text.length} characters`);
  const segment = spool.current;
  if (segment.end + most > segment.capacity) roll(spool);
  else if (spool.next === undefined && nearEnd(segment)) makeNext(spool);
  const seq = spool.linker.next;
  const { body, hash } = spool.linker.link(text);
  const landing = put(spool, kind, seq, most, hash, body);
  if (kind === "intent") spool.open.add(seq);
  return new Placed(spool, seq, of ?? seq, landing);
}

/** Why no new call may be recorded now, though outcomes of those in flight still may (A14). */
export function lacksSpace(spool: Spool): string | undefined {
  if (spool.open.size > limits.openIntents) return `${spool.open.size} calls are in flight`;
  const { durable } = spool.current;
  const end = spool.current.end + spool.unsealedBytes;
  if (end - durable > limits.spoolPendingBytes) return "the disk is slower than the calls come";
  if (spool.next !== undefined) return undefined;
  const left = spool.current.capacity - end;
  const kept = closeReserve + (spool.open.size + 8) * outcomeReserve;
  if (left > kept + outcomeReserve * 4) return undefined;
  makeNext(spool);
  return `the spool segment is full and no next one can be made: ${spool.noSpace ?? "not yet"}`;
}

/** Resolves when everything appended so far is on disk. */
export async function flushed(spool: Spool): Promise<void> {
  while (spool.failed === undefined && spool.durableSeq < nextSeq(spool) - 1) {
    // At once: a timer that waits for company would not keep the process alive.
    flush(spool);
    const last = spool.filling ?? spool.queue.at(-1);
    await (last?.landing.promise() ?? nextTurn());
  }
  if (spool.failed !== undefined) throw unavailable(spool.failed);
}

/** After the close record, which is the last: gives the rest of the segment back to the disk. */
export async function endSpool(spool: Spool): Promise<void> {
  spool.ended = true;
  await flushed(spool);
  spool.current.sealed = true;
  await spool.current.paving?.done;
  await spool.current.file.truncate(spool.current.end);
  await spool.current.file.sync();
  await spool.current.zeros.close();
  await spool.current.file.close();
  // The file of the next segment must not appear when another process has the directory.
  await spool.made;
  await dropNext(spool);
}

async function dropNext(spool: Spool): Promise<void> {
  const { next } = spool;
  spool.next = undefined;
  if (next === undefined) return;
  await next.zeros.close();
  await next.file.close();
  await spool.options.fs.remove(segmentName(spool.ordinal + 1));
}

/** From here on the next segment is made: early in small ones, which fill fast. */
function nearEnd(segment: Writing): boolean {
  return segment.end * 2 > segment.capacity || segment.capacity < 8 * 1024 * 1024;
}

/** Goes on in the next segment, which must be there. */
function roll(spool: Spool): void {
  const { next } = spool;
  if (next === undefined) {
    makeNext(spool);
    throw unavailable(`no space for a segment: ${spool.noSpace ?? "not yet made"}`);
  }
  spool.current.sealed = true;
  if (spool.filling !== undefined) spool.queue.push(spool.filling);
  spool.filling = undefined;
  closeFull(spool, spool.current);
  spool.next = undefined;
  spool.ordinal += 1;
  const first = spool.linker.next;
  spool.current = liveSegment(next, spool.chain, spool.ordinal, first, first - 1);
  spool.segments.push(spool.current);
  putHeader(spool);
}

function putHeader(spool: Spool): void {
  const first = spool.linker.next;
  const open = [...spool.open];
  const { before } = spool.current;
  const header = { chain: spool.chain, first, prev: spool.linker.head, before, open };
  const payload = encodeHeader(header);
  put(spool, "segment", first, frameBytes(payload.length), payload);
}

function liveSegment(
  made: Made,
  chain: string,
  ordinal: number,
  first: number,
  before: number,
): Writing {
  const place = { chain, ordinal, first, before, end: 0, durable: 0, sealed: false };
  return { ...made, ...place, paved: 0, paving: undefined };
}

/** Makes the next segment ahead of need, so that a full disk shows before any record needs it. */
function makeNext(spool: Spool): void {
  if (spool.making || spool.ended || spool.failed !== undefined) return;
  spool.making = true;
  spool.made = makeFile(spool.options, spool.ordinal + 1).then(
    (made) => {
      spool.making = false;
      spool.noSpace = undefined;
      spool.next = made;
    },
    (thrown: unknown) => {
      spool.noSpace = reason(thrown);
      spool.options.clock.after(retrySpaceMs, () => {
        spool.making = false;
        makeNext(spool);
      });
    },
  );
}

/** A segment's file with its blocks reserved: a smaller one rather than none. */
async function makeFile(options: SpoolOptions, ordinal: number): Promise<Made> {
  const { fs, segmentBytes } = options;
  const name = segmentName(ordinal);
  for (let capacity = segmentBytes; ; capacity = Math.floor(capacity / 4)) {
    try {
      const file = await fs.create(name, capacity);
      return { file, zeros: await again(fs, name, file), capacity };
    } catch (thrown) {
      if (capacity / 4 < smallestSegment) throw thrown;
    }
  }
}

/** Opens a new file once more; where that fails there is no file. */
async function again({ open, remove }: SpoolFs, name: string, file: SpoolFile): Promise<SpoolFile> {
  try {
    return await open(name);
  } catch (thrown) {
    await file.close();
    await remove(name);
    throw thrown;
  }
}
