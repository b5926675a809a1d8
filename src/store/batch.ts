/** What both databases do with a batch of one chain: the checks that need no database. */

import { fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { ChainRecord } from "../receipt/model.ts";

export interface Head {
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** Throws GW_INTERNAL unless the records are of one chain and follow each other by seq and prev. */
export function checkBatch(records: readonly ChainRecord[]): void {
  for (let at = 1; at < records.length; at++) {
    const [before, record] = [records[at - 1], records[at]];
    if (before === undefined || record === undefined) return;
    const follows = record.seq === before.seq + 1 && sameBytes(record.prev, before.hash);
    if (record.chain !== before.chain || !follows) {
      const message = `Cannot ship record ${record.seq} of chain ${record.chain}`;
      throw fault("GW_INTERNAL", { message, cause: "it does not follow the record before it" });
    }
  }
}

/** Throws GW_AUDIT_FORK unless `first` is the next record after the head (A7). */
export function checkNext(
  head: Head | undefined,
  first: Pick<ChainRecord, "chain" | "seq" | "prev">,
): void {
  const next = head === undefined ? 0 : head.seq + 1;
  if (first.seq !== next) {
    throw fork(first, `the store ends at record ${next - 1}, so records are missing in between`);
  }
  if (head !== undefined && !sameBytes(head.hash, first.prev)) {
    throw fork(first, `the store's record ${head.seq} is not the one this record follows`);
  }
}

/** Throws GW_AUDIT_FORK unless the store's row of this record is there and has its hash. */
export function checkSame(
  record: Pick<ChainRecord, "chain" | "seq" | "hash">,
  stored: Uint8Array | undefined,
): void {
  if (stored === undefined) throw fork(record, "the store's row of this record is gone");
  if (!sameBytes(stored, record.hash)) {
    throw fork(record, "the store holds a record with another hash there");
  }
}

/** For a record of which the store has something already that no batch put there (A7). */
export function forkBehind(record: Pick<ChainRecord, "chain" | "seq">): GatewayError {
  return fork(record, "the store holds records behind the end that it notes for the chain");
}

function fork(record: Pick<ChainRecord, "chain" | "seq">, cause: string): GatewayError {
  const message = `Cannot ship record ${record.seq} of chain ${record.chain}`;
  return fault("GW_AUDIT_FORK", { message, cause, data: { seq: record.seq } });
}

/** Runs of records that one transaction takes: few enough, and small enough to hold twice. */
export function* chunks(records: readonly ChainRecord[]): Generator<readonly ChainRecord[]> {
  let from = 0;
  let bytes = 0;
  for (let at = 0; at < records.length; at++) {
    const size = records[at]?.body.length ?? 0;
    const full =
      at - from >= limits.storeTransaction || bytes + size > limits.storeTransactionBytes;
    if (full && at > from) {
      yield records.slice(from, at);
      from = at;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < records.length) yield records.slice(from);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
