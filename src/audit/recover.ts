/**
 * What a start does with the spool it finds (A15). A torn tail is dropped and recorded; damage in
 * the middle refuses the start. A chain that did not end is ended in itself, by `recovery`, an
 * outcome `unknown` for each open intent, and `close`: one end for each intent, in its own chain.
 */

import { fault, type GatewayError } from "../base/errors.ts";
import {
  type Frame,
  type FrameKind,
  frameBytes,
  hashBytes,
  putFrame,
  readFrame,
} from "../base/frame.ts";
import { isObject, member } from "../base/json.ts";
import { createLinker } from "../receipt/chain.ts";
import { closeBody, outcomeBody, recoveryBody } from "../receipt/encode.ts";
import type { RecordKind } from "../receipt/model.ts";
import type { SpoolFile, SpoolFs } from "./fs.ts";
import { readLedger, type Watermark } from "./ledger.ts";
import {
  decodeHeader,
  judgeTail,
  type SegmentHeader,
  scanFrames,
  segmentName,
  segmentOrdinal,
} from "./segment.ts";
import type { LiveSegment } from "./spool-model.ts";

export interface Recovered {
  /** What is still in the spool, oldest first; all of it whole. */
  readonly segments: readonly LiveSegment[];
  readonly nextOrdinal: number;
  /** The last record before this start. */
  readonly last: Watermark | undefined;
  readonly shipped: Watermark | undefined;
  /** Bytes lost that no chain could record: the new one must. */
  readonly lostBytes: number;
  /** For the log. */
  readonly sealed: { readonly lostBytes: number; readonly openIntents: number } | undefined;
}

/** Rejects with GW_SPOOL_DAMAGED; then nothing was changed behind the damage. */
export async function recover(fs: SpoolFs, now: () => number): Promise<Recovered> {
  const shipped = await readLedger(fs);
  const ordinals = (await fs.list()).map(segmentOrdinal).filter((one) => one !== undefined);
  const nextOrdinal = (ordinals.at(-1) ?? 0) + 1;
  let lostBytes = 0;
  let last: Watermark | undefined;
  let sealed: Recovered["sealed"];
  while (ordinals.length > 0) {
    const end = await examine(fs, ordinals, shipped);
    if (end.state === "drop") {
      lostBytes += end.lostBytes;
      await fs.remove(segmentName(ordinals.pop() ?? 0));
      await fs.syncDir();
      continue;
    }
    lostBytes += end.lostBytes;
    if (!end.closed) {
      last = await seal(fs, segmentName(ordinals.at(-1) ?? 0), end, lostBytes, now());
      sealed = { lostBytes, openIntents: end.open.size };
      lostBytes = 0;
    } else last = { chain: end.header.chain, seq: end.next - 1, hash: hexOf(end.prev) };
    break;
  }
  const segments = await stored(fs, ordinals);
  return { segments, nextOrdinal, last: last ?? shipped, shipped, lostBytes, sealed };
}

interface ChainEnd {
  readonly state: "end";
  readonly header: SegmentHeader;
  /** Offset behind the last whole frame, seq of the next, hash of the last. */
  readonly at: number;
  readonly next: number;
  readonly prev: Uint8Array;
  readonly open: Set<number>;
  readonly closed: boolean;
  readonly lostBytes: number;
}

type Examined = ChainEnd | { readonly state: "drop"; readonly lostBytes: number };

/** Reads the last segment: where it ends, or that nothing in it was ever acknowledged. */
async function examine(
  fs: SpoolFs,
  ordinals: readonly number[],
  shipped: Watermark | undefined,
): Promise<Examined> {
  const name = segmentName(ordinals.at(-1) ?? 0);
  const file = await fs.open(name);
  try {
    const header = await readHeader(file);
    if (header === undefined) return await headless(file, name);
    const end = await readRecords(file, name, header.value, header.end);
    if (shipped?.chain === header.value.chain && shipped.seq >= end.next) {
      throw damaged(name, end.at, end.next, `the store has records up to ${shipped.seq}`);
    }
    if (header.back > 0 && !(await reaches(fs, ordinals.at(-2), header.value))) {
      return { state: "drop", lostBytes: end.at + end.lostBytes };
    }
    return end;
  } finally {
    await file.close();
  }
}

/** A segment without a header was begun and not synced, or is damaged. */
async function headless(file: SpoolFile, name: string): Promise<Examined> {
  const tail = await judgeTail(file, 0, undefined);
  if (tail.damaged) throw damaged(name, 0, -1, "its header does not check");
  return { state: "drop", lostBytes: tail.lostBytes };
}

async function readRecords(
  file: SpoolFile,
  name: string,
  header: SegmentHeader,
  from: number,
): Promise<ChainEnd> {
  const open = new Set(header.open);
  let next = header.first;
  let prev = header.prev;
  let closed = false;
  const scan = await scanFrames(file, from, await file.size(), (frame) => {
    if (frame.seq !== next || frame.kind === "segment" || closed) return false;
    if (frame.kind === "intent") open.add(frame.seq);
    else if (frame.kind === "outcome") open.delete(endedBy(frame));
    closed = frame.kind === "close";
    prev = new Uint8Array(frame.payload.subarray(0, hashBytes));
    next += 1;
    return true;
  });
  const tail = await judgeTail(file, scan.at, next);
  if (tail.damaged) throw damaged(name, scan.at, next, "whole records follow it");
  return { state: "end", header, at: scan.at, next, prev, open, closed, lostBytes: tail.lostBytes };
}

/** Mode fast and a power cut: does the segment before hold all up to this one's first record? */
async function reaches(
  fs: SpoolFs,
  ordinal: number | undefined,
  header: SegmentHeader,
): Promise<boolean> {
  if (ordinal === undefined) return true;
  const name = segmentName(ordinal);
  const file = await fs.open(name);
  try {
    const before = await readHeader(file);
    if (before?.value.chain !== header.chain) return true;
    const end = await readRecords(file, name, before.value, before.end);
    return end.next === header.first;
  } finally {
    await file.close();
  }
}

async function seal(
  fs: SpoolFs,
  name: string,
  end: ChainEnd,
  lostBytes: number,
  now: number,
): Promise<Watermark> {
  const { chain } = end.header;
  const linker = createLinker(chain, end.next, end.prev);
  const frames: Buffer[] = [];
  const add = (kind: RecordKind, text: string): void => {
    const back = linker.next - end.next;
    const seq = linker.next;
    const { body, hash } = linker.link(text);
    const frame = Buffer.alloc(frameBytes(hashBytes + body.length));
    putFrame(frame, 0, kind as FrameKind, seq, back, hash, body);
    frames.push(frame);
  };
  add("recovery", recoveryBody({ lostBytes, openIntents: end.open.size }, now));
  for (const of of end.open) add("outcome", outcomeBody({ ...interrupted, of }, now));
  add("close", closeBody("recovered", now));
  const file = await fs.open(name);
  try {
    // Zeros over the torn bytes, not a truncation: the blocks stay reserved on a full disk.
    if (end.lostBytes > 0) await file.write(new Uint8Array(end.lostBytes), end.at);
    const bytes = Buffer.concat(frames);
    await file.write(bytes, end.at);
    await file.truncate(end.at + bytes.length);
    await file.sync();
  } finally {
    await file.close();
  }
  return { chain, seq: linker.next - 1, hash: hexOf(linker.head) };
}

const interrupted = {
  outcome: "unknown",
  code: "GW_INTERRUPTED",
  resultHash: "",
  resultBytes: 0,
  tookMs: 0,
  serverMs: 0,
} as const;

/** The headers of all segments; the last of each chain ends where its file does. */
async function stored(fs: SpoolFs, ordinals: readonly number[]): Promise<LiveSegment[]> {
  const segments: LiveSegment[] = [];
  for (const ordinal of ordinals) {
    const name = segmentName(ordinal);
    const file = await fs.open(name);
    try {
      const header = (await readHeader(file))?.value;
      if (header === undefined) throw damaged(name, 0, -1, "its header does not check");
      const size = await file.size();
      const { chain, first, before } = header;
      segments.push({ ordinal, chain, first, before, end: size, durable: size, sealed: true });
    } finally {
      await file.close();
    }
  }
  return segments;
}

/** undefined: no whole header there. */
export async function readHeader(
  file: SpoolFile,
): Promise<{ value: SegmentHeader; end: number; back: number } | undefined> {
  const bytes = Buffer.alloc(Math.min(await file.size(), 256 * 1024));
  const got = await file.read(bytes, 0);
  const frame = readFrame(bytes.subarray(0, got), 0);
  if (typeof frame === "string") return undefined;
  const value = decodeHeader(frame);
  return value === undefined ? undefined : { value, end: frame.end, back: frame.back };
}

/** GW_SPOOL_DAMAGED for a place; seq -1 when it is not known. */
export function damaged(name: string, offset: number, seq: number, cause: string): GatewayError {
  return fault("GW_SPOOL_DAMAGED", {
    message: `Record ${seq < 0 ? "" : `${seq} `}in "${name}" at byte ${offset} does not check`,
    cause,
    data: { segment: name, offset, seq },
  });
}

function endedBy(frame: Frame): number {
  const body: unknown = JSON.parse(frame.payload.subarray(hashBytes).toString("utf8"));
  const of = isObject(body) ? member(body, "of") : undefined;
  return typeof of === "number" ? of : -1;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
