/** Receipts in the embedded store: batches in, records and lists out. */

import type { StatementSync } from "node:sqlite";
import { callKinds, type Frame, hashBytes, readFrame } from "../base/frame.ts";
import { limits } from "../base/limits.ts";
import type { ChainRecord, RecordKind } from "../receipt/model.ts";
import { checkNext, checkSame, type Head } from "./batch.ts";
import { callTime, type Derived, derive, endedSeq } from "./derive.ts";
import { isChain, type JoinedRow, readReceiptId, splitTool, toReceiptRow } from "./rows.ts";
import { all, type Prepare } from "./sqlite-statement.ts";
import type { FrameBatch, ReceiptQuery, ReceiptRow, StoredRecord } from "./store.ts";

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
  const rows = inserter(prepare, chain, no);
  let seq = batch.first;
  let hash = batch.prev;
  for (let at = 0; at < bytes.length; seq += 1) {
    const frame = readFrame(bytes, at, Number.MAX_SAFE_INTEGER);
    if (typeof frame === "string" || frame.seq !== seq) throw new Error("the batch is damaged");
    const prev = hash;
    hash = frame.payload.subarray(0, hashBytes);
    if (stored !== undefined && seq <= stored.seq) {
      checkStored(prepare, chain, no, seq, hash);
    } else {
      if (seq === batch.first || seq === (stored?.seq ?? -1) + 1) {
        checkNext(stored, { chain, seq, prev });
      }
      rows.put(frame, hash);
    }
    at = frame.end;
  }
  rows.end();
  if (stored !== undefined && seq <= stored.seq + 1) return;
  const moveHead = "update chain_heads set last_seq = ?, last_hash = ? where no = ?";
  prepare(moveHead).run(seq - 1, hash, no);
}

/** Undone with the transaction when its first record is refused. */
function addChain(prepare: Prepare, chain: string): number {
  const add = "insert into chain_heads (chain, last_seq, last_hash) values (?, -1, x'')";
  return Number(prepare(add).run(chain).lastInsertRowid);
}

const idSql = "(? << 40 | ?)";

function checkStored(
  prepare: Prepare,
  chain: string,
  no: number,
  seq: number,
  hash: Uint8Array,
): void {
  const statement = prepare(`select hash from records where id = ${idSql}`);
  const [row] = all<{ hash: Uint8Array }>(statement, no, seq);
  checkSame({ chain, seq, hash }, row?.hash);
}

/** Rows of one statement: a call of SQLite for each costs a sixth more. */
const rowsAtOnce = 16;
/** Values of a row, behind the chain's number that all share. */
const [perRow, seqAt, hashAt] = [6, 0, 2] as const;

/** `put` may keep rows back; `end` behind the last. */
function inserter(prepare: Prepare, chain: string, no: number) {
  const values: (number | string | Uint8Array | null)[] = [no];
  const write = (): void => {
    const rows = (values.length - 1) / perRow;
    const { changes } = prepare(insertSql(rows)).run(...values);
    // Fewer: somebody put a row there without moving the head (A7).
    for (let at = 1; Number(changes) !== rows && at < values.length; at += perRow) {
      const [seq, hash] = [values[at + seqAt] as number, values[at + hashAt] as Uint8Array];
      checkStored(prepare, chain, no, seq, hash);
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

/** prev is not kept: it is the hash of the row before. */
export function readRecords(
  prepare: Prepare,
  chain: string,
  fromSeq: number,
  limit: number,
): StoredRecord[] {
  const head = readHead(prepare, chain);
  if (head === undefined) return [];
  const statement = prepare(
    `select id & 1099511627775 as seq, kind, hash, body, at_ms,
       of_id >> 40 as of_no, of_id & 1099511627775 as of_seq from records
     where id between ${idSql} and ${idSql} order by id limit ?`,
  );
  const from = Math.max(0, fromSeq - 1);
  const most = Math.min(limit, limits.storePage) + fromSeq - from;
  const rows = all<RecordRow>(...([statement, head.no, from, head.no, maxSeq, most] as const));
  const records: StoredRecord[] = [];
  let [next, prev] = [0, noHash];
  for (const row of rows) {
    const { seq, kind, hash, body } = row;
    if (seq >= fromSeq) {
      const record = { chain, seq, kind, hash, prev: seq === next ? prev : noHash, body };
      records.push({ ...record, wrong: wrongColumn(row, head.no) });
    }
    next = seq + 1;
    prev = hash;
  }
  return records;
}

interface RecordRow extends Omit<ChainRecord, "chain" | "prev"> {
  readonly at_ms: number | null;
  readonly of_no: number | null;
  readonly of_seq: number | null;
}

/** What `inserter` would have put there, compared. */
function wrongColumn(row: RecordRow, no: number): string | undefined {
  const { seq, kind, body } = row;
  if (row.at_ms !== (callKinds.includes(kind) ? callTime(kind, body) : null)) return "at_ms";
  const of = kind === "outcome" ? endedSeq(body) : null;
  if (of === null || of >= seq) return row.of_no === null ? undefined : "of_id";
  return row.of_no === no && row.of_seq === of ? undefined : "of_id";
}

const maxSeq = 2 ** 40 - 1;
const noHash: Uint8Array = new Uint8Array(32);

interface Row {
  readonly chain: string;
  readonly seq: number;
  readonly kind: RecordKind;
  readonly body: Uint8Array;
  readonly end: Uint8Array | null;
}

/** Read in an index's order until the page is full; `instr` passes over most that do not fit. */
export function receipts(prepare: Prepare, query: ReceiptQuery): ReceiptRow[] {
  // What stands behind the end of its chain is no record: verify names it.
  const where = ["i.kind in ('intent', 'refusal', 'call') and i.id <= (c.no << 40 | c.last_seq)"];
  const values: (string | number | Uint8Array)[] = [];
  const add = (condition: string, ...given: (string | number | Uint8Array)[]) => {
    where.push(condition);
    values.push(...given);
  };
  if (query.beforeMs !== undefined) add("i.at_ms < ?", query.beforeMs);
  const { key, outcome } = query;
  if (key !== undefined) {
    add("(instr(i.body, ?) or instr(i.body, ?))", fragment("key_name", key), fragment("key", key));
  }
  const tool = query.tool === undefined ? undefined : splitTool(query.tool);
  if (tool !== undefined) add("instr(i.body, ?)", fragment("tool", tool.tool));
  if (outcome !== undefined) {
    const given = fragment("outcome", outcome);
    add("(instr(o.body, ?) or instr(i.body, ?))", given, given);
  }
  if (query.id !== undefined) {
    const id = readReceiptId(query.id);
    if (id === undefined) return [];
    const found = "select no << 40 | ? from chain_heads where chain between ? and ?";
    add(`i.id in (${found})`, id.seq, id.first, id.last);
  }
  const statement = prepare(
    `select c.chain, i.id & 1099511627775 as seq, i.kind, i.body, o.body as end
     from records i left join records o on o.of_id = i.id join chain_heads c on c.no = i.id >> 40
     where ${where.join(" and ")} order by i.at_ms desc, i.id desc`,
  );
  const limit = Math.min(query.limit, limits.storePage);
  const rows: ReceiptRow[] = [];
  if (limit <= 0) return rows;
  for (const row of iterate(statement, values)) {
    // A head with another form of id is no chain of ours; verify names it.
    if (!isChain(row.chain)) continue;
    const call = derive(row.body);
    const joined = join(row, call);
    if (!fits(query, tool, call, joined)) continue;
    rows.push(toReceiptRow(joined));
    if (rows.length >= limit) break;
  }
  return rows;
}

function iterate(
  statement: StatementSync,
  values: readonly (string | number | Uint8Array)[],
): Iterable<Row> {
  // node:sqlite types rows as unknown; the columns are those of the statement above.
  return statement.iterate(...values) as unknown as Iterable<Row>;
}

/** How a body of ours begins this member: the encoder's form, up to where lists cut a text. */
function fragment(name: string, value: string): Uint8Array {
  const text = JSON.stringify(value.slice(0, limits.columnChars));
  const shown = value.length < limits.columnChars ? text : text.slice(0, -1);
  return new TextEncoder().encode(`"${name}":${shown}`);
}

function join(row: Row, call: Derived): JoinedRow {
  const { chain, seq } = row;
  const end = row.end === null ? undefined : derive(row.end);
  return {
    ...{ chain, seq, at_ms: call.at_ms, key_name: call.key_name, server: call.server },
    ...{ tool: call.tool, effect: call.effect, rule: call.rule, args_bytes: call.args_bytes },
    outcome: end?.outcome ?? call.outcome,
    result_bytes: end?.result_bytes ?? call.result_bytes,
    took_ms: end?.took_ms ?? call.took_ms,
  };
}

function fits(
  query: ReceiptQuery,
  tool: { server: string | undefined; tool: string } | undefined,
  call: Derived,
  joined: JoinedRow,
): boolean {
  const { key, outcome } = query;
  if (key !== undefined && call.key_name !== key && call.key_id !== key) return false;
  if (outcome !== undefined && joined.outcome !== outcome) return false;
  if (tool === undefined) return true;
  return call.tool === tool.tool && (tool.server ?? call.server) === call.server;
}
