/** What travels between the loop and the thread of the embedded store. */

import type { ErrorCode } from "../base/errors.ts";
import { frameBytes, hashBytes, putFrame } from "../base/frame.ts";
import type { ChainRecord } from "../receipt/model.ts";
import type { Engine } from "./sqlite-engine.ts";
import type { FrameBatch } from "./store.ts";

export interface Ask {
  readonly id: number;
  readonly call: keyof Engine;
  readonly values: readonly unknown[];
}

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

/**
 * A batch on its way to the thread. Without a buffer it lies in the memory that came with the last
 * one which was `kept`: sent anew each time, it would look to both collectors like so much garbage.
 */
export interface SentBatch extends Omit<FrameBatch, "buffer"> {
  readonly buffer: Uint8Array | undefined;
  readonly kept: boolean;
}

/** Records of one chain that follow each other (`checkBatch`), at least one. */
export function framesOf(records: readonly ChainRecord[]): FrameBatch {
  let size = 0;
  for (const { body } of records) size += frameBytes(hashBytes + body.length);
  const buffer = new Uint8Array(size);
  const bytes = Buffer.from(buffer.buffer);
  let at = 0;
  for (const { kind, seq, hash, body } of records) {
    at = putFrame(bytes, at, kind, seq, 0, hash, body);
  }
  const { chain = "", seq: first = 0, prev = new Uint8Array() } = records[0] ?? {};
  return { chain, first, prev, count: records.length, buffer, length: size };
}
