/** What travels between the loop and the thread of the embedded store. */

import type { ErrorCode } from "../base/errors.ts";
import type { ChainRecord, RecordKind } from "../receipt/model.ts";
import type { Engine } from "./sqlite-engine.ts";

export type Ask =
  | { readonly id: number; readonly call: "ship"; readonly values: readonly [PackedBatch] }
  | {
      readonly id: number;
      readonly call: Exclude<keyof Engine, "ship">;
      readonly values: readonly unknown[];
    };

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly fault?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly cause: string;
    readonly fix: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
}

/** A batch in buffers that are handed over: cloning views would copy the spool's whole buffer. */
export interface PackedBatch {
  readonly chain: string;
  readonly first: number;
  readonly kinds: readonly RecordKind[];
  /** Lengths of hash, prev and body of each record. */
  readonly lengths: Uint32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Records of one chain that follow each other (`checkBatch`). */
export function pack(records: readonly ChainRecord[]): PackedBatch {
  const lengths = new Uint32Array(records.length * 3);
  let size = 0;
  records.forEach(({ hash, prev, body }, at) => {
    lengths.set([hash.length, prev.length, body.length], at * 3);
    size += hash.length + prev.length + body.length;
  });
  const bytes = new Uint8Array(size);
  let at = 0;
  const put = (part: Uint8Array) => {
    bytes.set(part, at);
    at += part.length;
  };
  for (const record of records) {
    put(record.hash);
    put(record.prev);
    put(record.body);
  }
  const { chain = "", seq: first = 0 } = records[0] ?? {};
  return { chain, first, kinds: records.map((record) => record.kind), lengths, bytes };
}

export function unpack(batch: PackedBatch): ChainRecord[] {
  let at = 0;
  let part = 0;
  const take = () => {
    const from = at;
    at += batch.lengths[part++] ?? 0;
    return batch.bytes.subarray(from, at);
  };
  const { chain, first } = batch;
  return batch.kinds.map((kind, index) => {
    const [hash, prev, body] = [take(), take(), take()];
    return { chain, seq: first + index, kind, hash, prev, body };
  });
}
