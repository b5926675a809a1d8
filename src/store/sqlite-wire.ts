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

/** A batch in one buffer that is handed over: cloning views would copy the spool's whole buffer. */
export interface PackedBatch {
  readonly heads: readonly { readonly chain: string; seq: number; kind: RecordKind }[];
  /** Lengths of hash, prev and body of each record. */
  readonly lengths: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function pack(records: readonly ChainRecord[]): PackedBatch {
  const parts = records.flatMap((record) => [record.hash, record.prev, record.body]);
  const lengths = parts.map((part) => part.length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { heads: records.map(({ chain, seq, kind }) => ({ chain, seq, kind })), lengths, bytes };
}

export function unpack(batch: PackedBatch): ChainRecord[] {
  let at = 0;
  let part = 0;
  const take = () => {
    const from = at;
    at += batch.lengths[part++] ?? 0;
    return batch.bytes.subarray(from, at);
  };
  return batch.heads.map((head) => ({ ...head, hash: take(), prev: take(), body: take() }));
}
