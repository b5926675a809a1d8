/** Records of the embedded store as verify reads them, whether they have rows or share one. */

import { callKinds } from "../base/frame.ts";
import { limits } from "../base/limits.ts";
import { callTime, endedSeq } from "./derive.ts";
import { type RunRecord, unpackRun, wrongInRun } from "./sqlite-run.ts";
import { endOf, runsFrom } from "./sqlite-runs.ts";
import { readHead } from "./sqlite-ship.ts";
import { all, type Prepare } from "./sqlite-statement.ts";
import type { StoredRecord } from "./store.ts";

/** prev is not kept: it is the hash of the record before. */
export function readRecords(
  prepare: Prepare,
  chain: string,
  fromSeq: number,
  limit: number,
): StoredRecord[] {
  const head = readHead(prepare, chain);
  if (head === undefined) return [];
  const from = Math.max(0, fromSeq - 1);
  const most = Math.min(limit, limits.storePage) + fromSeq - from;
  // One seq is there once: `inspect` names runs that are over rows or other runs.
  const found = [...ownRows(prepare, head.no, from, most), ...inRuns(prepare, head.no, from, most)]
    .sort((a, b) => a.seq - b.seq)
    .slice(0, most);
  const records: StoredRecord[] = [];
  let [next, prev] = [0, noHash];
  for (const record of found) {
    const { seq, hash } = record;
    if (seq >= fromSeq) records.push({ ...record, chain, prev: seq === next ? prev : noHash });
    next = seq + 1;
    prev = hash;
  }
  return records;
}

interface Found extends RunRecord {
  readonly wrong: string | undefined;
}

interface OwnRow extends RunRecord {
  readonly at_ms: number | null;
  readonly of_no: number | null;
  readonly of_seq: number | null;
}

function ownRows(prepare: Prepare, no: number, from: number, most: number): Found[] {
  const statement = prepare(
    `select id & 1099511627775 as seq, kind, hash, body, at_ms,
       of_id >> 40 as of_no, of_id & 1099511627775 as of_seq from records
     where id between (? << 40 | ?) and (? << 40 | ?) order by id limit ?`,
  );
  return all<OwnRow>(statement, no, from, no, maxSeq, most).map((row) => {
    const { seq, kind, hash, body } = row;
    return { seq, kind, hash, body, wrong: wrongColumn(row, no) };
  });
}

/** What the writer of rows would have put there, compared. */
function wrongColumn(row: OwnRow, no: number): string | undefined {
  const { seq, kind, body } = row;
  if (row.at_ms !== (callKinds.includes(kind) ? callTime(kind, body) : null)) return "at_ms";
  const of = kind === "outcome" ? endedSeq(body) : null;
  if (of === null || of >= seq) return row.of_no === null ? undefined : "of_id";
  return row.of_no === no && row.of_seq === of ? undefined : "of_id";
}

function inRuns(prepare: Prepare, no: number, from: number, most: number): Found[] {
  const found: Found[] = [];
  for (const row of runsFrom(prepare, no, from, most)) {
    const records = unpackRun(row);
    const wrong = wrongInRun(row, records);
    records.forEach((record, at) => {
      if (record.seq < from) return;
      const ends = wrongEnd(prepare, no, row.first, record);
      found.push({ ...record, wrong: (at === 0 ? wrong : undefined) ?? ends });
    });
  }
  return found;
}

/** Lists find the outcome of a call that is not in its run by `ends`. */
function wrongEnd(
  prepare: Prepare,
  no: number,
  first: number,
  { seq, kind, body }: RunRecord,
): string | undefined {
  const of = kind === "outcome" ? endedSeq(body) : null;
  if (of === null || of >= first) return undefined;
  return endOf(prepare, no, of) === seq ? undefined : "ends";
}

const maxSeq = 2 ** 40 - 1;
const noHash: Uint8Array = new Uint8Array(32);
