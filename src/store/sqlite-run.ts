/**
 * A run: many records of one chain in one row of the embedded store. A row for each costs twice as
 * much, and under load that is most of what storing costs.
 *
 *   heads   for each record: kind u8 (base/frame.ts) | length of the body u32, little endian | hash
 *   bodies  `[`, the bodies with a comma between two, `]`: SQL can read it as JSON
 */

import {
  callKinds,
  type FrameKind,
  hashBytes,
  kindAt,
  numberOf,
  readFrame,
} from "../base/frame.ts";
import { limits } from "../base/limits.ts";
import type { RecordKind } from "../receipt/model.ts";
import { callTime, endedSeq } from "./derive.ts";

/** As it is stored; the columns may hold anything when somebody else wrote them. */
export interface RunRow {
  readonly first: number;
  readonly last_seq: number;
  /** Times of the first and the last call in it; null when there is none. */
  readonly from_ms: number | null;
  readonly until_ms: number | null;
  readonly heads: Uint8Array;
  readonly bodies: Uint8Array;
}

export interface PackedRun extends RunRow {
  /** Outcomes whose intents are not in the run: seq of the intent, of the outcome, and so on. */
  readonly late: readonly number[];
}

export interface RunRecord {
  readonly seq: number;
  readonly kind: RecordKind;
  readonly hash: Uint8Array;
  readonly body: Uint8Array;
}

const headBytes = 5 + hashBytes;
const [open, comma, close] = [0x5b, 0x2c, 0x5d] as const;

/**
 * undefined when a frame is damaged, or a body is not what an encoder of ours writes: rows of their
 * own can hold such. heads and bodies are valid until the next call.
 */
export function packRun(frames: Buffer, first: number): PackedRun | undefined {
  const { heads, bodies } = roomFor(frames.length);
  const late: number[] = [];
  let [seq, head, end, fromMs, untilMs] = [first, 0, 0, Number.MAX_SAFE_INTEGER, -1];
  for (let at = 0; at < frames.length; seq += 1) {
    const frame = readFrame(frames, at, Number.MAX_SAFE_INTEGER);
    if (typeof frame === "string" || frame.seq !== seq || !isRecord(frame.kind)) return undefined;
    const { kind, payload } = frame;
    const body = payload.subarray(hashBytes);
    if (!isOurs(body)) return undefined;
    if (callKinds.includes(kind)) {
      const ms = callTime(kind, body);
      if (ms === null) return undefined;
      if (ms < fromMs) fromMs = ms;
      if (ms > untilMs) untilMs = ms;
    } else if (kind === "outcome") {
      const of = endedSeq(body);
      if (of === null || of >= seq) return undefined;
      if (of < first) late.push(of, seq);
    }
    heads[head] = numberOf(kind);
    heads.writeUInt32LE(body.length, head + 1);
    payload.copy(heads, head + 5, 0, hashBytes);
    head += headBytes;
    bodies[end] = end === 0 ? open : comma;
    payload.copy(bodies, end + 1, hashBytes);
    end += 1 + body.length;
    at = frame.end;
  }
  bodies[end] = close;
  return {
    ...{ first, last_seq: seq - 1, late },
    ...(untilMs < 0 ? { from_ms: null, until_ms: null } : { from_ms: fromMs, until_ms: untilMs }),
    ...{ heads: heads.subarray(0, head), bodies: bodies.subarray(0, end + 1) },
  };
}

/** The records in order, up to what does not fit; views. */
export function unpackRun({ first, heads, bodies }: RunRow): RunRecord[] {
  const records: RunRecord[] = [];
  if (!isBytes(heads) || !isBytes(bodies)) return records;
  const numbers = new DataView(heads.buffer, heads.byteOffset, heads.byteLength);
  let from = 1;
  for (let at = 0; at + headBytes <= heads.length; at += headBytes) {
    const kind = kindAt(heads[at] ?? 0);
    const end = from + numbers.getUint32(at + 1, true);
    if (!isRecord(kind) || end >= bodies.length) break;
    const hash = heads.subarray(at + 5, at + headBytes);
    records.push({ seq: first + records.length, kind, hash, body: bodies.subarray(from, end) });
    from = end + 1;
  }
  return records;
}

/** The column that does not say what `packRun` would have said of these records. */
export function wrongInRun(row: RunRow, records: readonly RunRecord[]): string | undefined {
  const { first, last_seq, from_ms, until_ms, heads, bodies } = row;
  if (heads.length !== records.length * headBytes) return "heads";
  let [end, fromMs, untilMs] = [0, Number.MAX_SAFE_INTEGER, -1];
  for (const { kind, body } of records) {
    if (bodies[end] !== (end === 0 ? open : comma)) return "bodies";
    end += 1 + body.length;
    const ms = callKinds.includes(kind) ? (callTime(kind, body) ?? -1) : -1;
    if (ms < 0) continue;
    fromMs = Math.min(fromMs, ms);
    untilMs = Math.max(untilMs, ms);
  }
  if (bodies[end] !== close || bodies.length !== end + 1) return "bodies";
  if (last_seq !== first + records.length - 1) return "last_seq";
  if (from_ms !== (untilMs < 0 ? null : fromMs)) return "from_ms";
  return until_ms === (untilMs < 0 ? null : untilMs) ? undefined : "until_ms";
}

/** `{"v":1` … `}`: what stands in between was JSON when it was written. */
function isOurs(body: Buffer): boolean {
  for (let at = 0; at < start.length; at += 1) if (body[at] !== start[at]) return false;
  return body[body.length - 1] === 0x7d;
}

const start = new TextEncoder().encode('{"v":1');

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

function isRecord(kind: FrameKind | undefined): kind is RecordKind {
  return kind !== undefined && kind !== "segment";
}

/** Heads and bodies of frames never take more than the frames do. */
function roomFor(bytes: number): { heads: Buffer; bodies: Buffer } {
  if (bytes > limits.shipBatchBytes)
    return { heads: Buffer.alloc(bytes), bodies: Buffer.alloc(bytes) };
  room ??= {
    heads: Buffer.alloc(limits.shipBatchBytes),
    bodies: Buffer.alloc(limits.shipBatchBytes),
  };
  return room;
}

/** Kept: as garbage it would be 30 MB a second under load. */
let room: { heads: Buffer; bodies: Buffer } | undefined;
