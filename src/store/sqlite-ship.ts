/** Batches into the embedded store: a run for many records, else a row for each. */

import { callKinds, type Frame, hashBytes, readFrame } from "../base/frame.ts";
import { limits } from "../base/limits.ts";
import { checkNext, checkSame, forkBehind, type Head } from "./batch.ts";
import { callTime, endedSeq } from "./derive.ts";
import { packRun } from "./sqlite-run.ts";
import { runReader, safe } from "./sqlite-runs.ts";
import { all, type Prepare } from "./sqlite-statement.ts";
import type { FrameBatch } from "./store.ts";

interface StoredHead extends Head {
  /** The chain's number: the upper bits of its rows' ids. */
  readonly no: number;
}

export function readHead(prepare: Prepare, chain: string): StoredHead | undefined {
  const statement = prepare("select no, last_seq, last_hash from chain_heads where chain = ?");
  const [row] = all<{ no: number; last_seq: number; last_hash: Uint8Array }>(statement, chain);
  return row === undefined ? undefined : { no: row.no, seq: row.last_seq, hash: row.last_hash };
}

/** Records in order, in a transaction: skips what is there, appends the rest, moves the head. */
export function shipFrames(prepare: Prepare, batch: FrameBatch<Uint8Array>): void {
  const { chain, buffer } = batch;
  const bytes = Buffer.from(buffer.buffer, 0, batch.length);
  const stored = readHead(prepare, chain);
  const no = stored?.no ?? addChain(prepare, chain);
  const behind = whatIsBehind(prepare, no, stored?.seq ?? -1);
  // Only somebody else can have put it there, and rows put over it would be second ones (A7).
  if (behind.run !== undefined) throw forkBehind({ chain, seq: behind.run });
  const fresh = batch.first > (stored?.seq ?? -1) && !behind.row;
  const many = batch.count >= limits.storeRunLeast;
  const end = fresh && many ? shipRun(prepare, no, batch, bytes, stored) : undefined;
  const { seq, hash } = end ?? shipRows(prepare, no, batch, bytes, stored);
  if (stored !== undefined && seq <= stored.seq) return;
  const moveHead = "update chain_heads set last_seq = ?, last_hash = ? where no = ?";
  prepare(moveHead).run(seq, hash, no);
}

/** Undone with the transaction when its first record is refused. */
function addChain(prepare: Prepare, chain: string): number {
  const add = "insert into chain_heads (chain, last_seq, last_hash) values (?, -1, x'')";
  return Number(prepare(add).run(chain).lastInsertRowid);
}

/** What stands behind the end of a chain: a row, and the first seq there of a run. */
function whatIsBehind(prepare: Prepare, no: number, seq: number) {
  const row = "select 1 as one from records where id > (? << 40) + ? and id < ? + 1 << 40 limit 1";
  const run = `select (id & 1099511627775) as first, ${safe("last_seq")} as last_seq from runs
    where id >= ? << 40 and id < ? + 1 << 40 order by id desc limit 1`;
  const [last] = all<{ first: number; last_seq: number }>(prepare(run), no, no);
  const runs = last !== undefined && Math.max(last.first, last.last_seq) > seq;
  return {
    row: all(prepare(row), no, seq, no).length > 0,
    run: runs ? Math.max(last.first, seq + 1) : undefined,
  };
}

/** The end of the chain then; undefined when it cannot be one run. */
function shipRun(
  prepare: Prepare,
  no: number,
  batch: FrameBatch<Uint8Array>,
  bytes: Buffer,
  stored: Head | undefined,
): Head | undefined {
  const { chain, first, prev } = batch;
  const run = packRun(bytes, first);
  if (run === undefined) return undefined;
  checkNext(stored, { chain, seq: first, prev });
  const { last_seq, from_ms, until_ms, heads, bodies, late } = run;
  prepare(
    `insert into runs (id, last_seq, from_ms, until_ms, heads, bodies)
     values (? << 40 | ?, ?, ?, ?, ?, ?)`,
  ).run(no, first, last_seq, from_ms, until_ms, heads, bodies);
  // Replace: a row that somebody put there before its time is of no use to anybody.
  const addEnd = prepare(
    "insert or replace into ends (of_id, id) values (?1 << 40 | ?2, ?1 << 40 | ?3)",
  );
  for (let at = 0; at < late.length; at += 2) addEnd.run(no, late[at] ?? 0, late[at + 1] ?? 0);
  return { seq: last_seq, hash: heads.subarray(heads.length - hashBytes) };
}

function shipRows(
  prepare: Prepare,
  no: number,
  batch: FrameBatch<Uint8Array>,
  bytes: Buffer,
  stored: Head | undefined,
): Head {
  const { chain } = batch;
  const runs = runReader(prepare);
  const check = (seq: number, hash: Uint8Array): void => {
    const statement = prepare("select hash from records where id = (? << 40 | ?)");
    const [row] = all<{ hash: Uint8Array }>(statement, no, seq);
    checkSame({ chain, seq, hash }, row?.hash ?? runs.recordAt(no, seq)?.hash);
  };
  const rows = inserter(prepare, no, check);
  let seq = batch.first;
  let hash = batch.prev;
  for (let at = 0; at < bytes.length; seq += 1) {
    const frame = readFrame(bytes, at, Number.MAX_SAFE_INTEGER);
    if (typeof frame === "string" || frame.seq !== seq) throw new Error("the batch is damaged");
    const prev = hash;
    hash = frame.payload.subarray(0, hashBytes);
    if (stored !== undefined && seq <= stored.seq) {
      check(seq, hash);
    } else {
      if (seq === batch.first || seq === (stored?.seq ?? -1) + 1) {
        checkNext(stored, { chain, seq, prev });
      }
      rows.put(frame, hash);
    }
    at = frame.end;
  }
  rows.end();
  return { seq: seq - 1, hash };
}

/** Rows of one statement: a call of SQLite for each costs a sixth more. */
const rowsAtOnce = 16;
/** Values of a row, behind the chain's number that all share. */
const [perRow, seqAt, hashAt] = [6, 0, 2] as const;

/** `put` may keep rows back; `end` behind the last. */
function inserter(prepare: Prepare, no: number, check: (seq: number, hash: Uint8Array) => void) {
  const values: (number | string | Uint8Array | null)[] = [no];
  const write = (): void => {
    const rows = (values.length - 1) / perRow;
    const { changes } = prepare(insertSql(rows)).run(...values);
    // Fewer: somebody put a row there without moving the head (A7).
    for (let at = 1; Number(changes) !== rows && at < values.length; at += perRow) {
      const [seq, hash] = [values[at + seqAt] as number, values[at + hashAt] as Uint8Array];
      check(seq, hash);
    }
    values.length = 1;
  };
  return {
    put({ kind, seq, payload }: Frame, hash: Uint8Array): void {
      const body = payload.subarray(hashBytes);
      const at = callKinds.includes(kind) ? callTime(kind, body) : null;
      const of = kind === "outcome" ? endedSeq(body) : null;
      // What is no record before it is no intent: such a row is kept and belongs to no call.
      values.push(seq, kind, hash, body, at, of === null || of >= seq ? null : of);
      if (values.length > rowsAtOnce * perRow) write();
    },
    end(): void {
      if (values.length > 1) write();
    },
  };
}

/** By the number of rows. */
const inserts: string[] = [];

function insertSql(rows: number): string {
  const row = (_: unknown, n: number): string => {
    const [seq, kind, hash, body, at, of] = Array.from(
      { length: perRow },
      (_, k) => 2 + n * perRow + k,
    );
    return `(?1 << 40 | ?${seq}, ?${kind}, ?${hash}, ?${body}, ?${at}, ?1 << 40 | ?${of})`;
  };
  inserts[rows] ??= `insert or ignore into records (id, kind, hash, body, at_ms, of_id)
    values ${Array.from({ length: rows }, row).join(", ")}`;
  return inserts[rows];
}
