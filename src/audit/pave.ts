/**
 * Zeros ahead of the writer. A write into blocks that are reserved but were never written must also
 * say so on disk. Measured, 8 kB: 57 CPU µs and 0.16 ms there, 44 µs and 0.11 ms on zeros; that is
 * 2 to 4 % of a call in mode strict. The zeros of one write serve the records of 180 calls.
 */

import { fail, type Spool, type Writing } from "./spool-model.ts";

/** Bytes from the last record to the zeros, of zeros in a write, and that they reach ahead. */
const gap = 128 * 1024;
const stride = 256 * 1024;
const reach = 512 * 1024;

/** Writes on in the background when there is little left; it never comes near a record. */
export function pave(spool: Spool, segment: Writing): void {
  if (segment.paving !== undefined || segment.sealed || spool.failed !== undefined) return;
  const end = segment.end + spool.unsealedBytes;
  if (segment.paved - end >= reach) return;
  const from = Math.max(segment.paved, end + gap);
  const to = Math.min(from + stride, segment.capacity);
  if (from >= to) return;
  zeros ??= new Uint8Array(stride);
  const done = segment.zeros.write(zeros.subarray(0, to - from), from).then(
    () => {
      segment.paved = to;
      segment.paving = undefined;
      pave(spool, segment);
    },
    (thrown: unknown) => fail(spool, thrown),
  );
  segment.paving = { from, done };
}

/** What a write up to there, or the end of the file, has to wait for: as a rule nothing. */
export function inTheWay({ paving }: Writing, end: number): Promise<void> | undefined {
  return paving !== undefined && end > paving.from ? paving.done : undefined;
}

let zeros: Uint8Array | undefined;
