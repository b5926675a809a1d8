/** Receipts into Postgres: one statement, so one round trip and one commit, for a whole batch. */

import type { Sql } from "postgres";
import { fault } from "../base/errors.ts";
import type { ChainRecord } from "../receipt/model.ts";
import { checkNext, checkSame, type Head } from "./batch.ts";
import { type Derived, derive } from "./derive.ts";
import { type Client, sqlState } from "./postgres-client.ts";

/** Records of one chain in order, at most one transaction's worth (`chunks`). */
export async function shipChunk(client: Client, records: readonly ChainRecord[]): Promise<void> {
  let rest = records;
  let tolerant = false;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const result = await client.run("ship receipts", (sql) => append(sql, rest, tolerant));
    if (result === "done") return;
    // Rows that are there without the head: compared now, and skipped if they are the same (A7).
    tolerant = result === "conflict";
    rest = await client.run("compare receipts", (sql) => unshipped(sql, rest));
    if (rest.length === 0) return;
  }
  const cause = "another process ships the same chain at the same time";
  throw fault("GW_DATABASE", { message: "Cannot ship receipts", cause });
}

const maxAttempts = 3;

/**
 * Moves the head and inserts, both or neither. "moved": the head is not where the batch begins;
 * "conflict": a row is there already.
 *
 * Client CPU per record at 500 records: one bytea with all bytes beside arrays 6.2 µs (37-75k
 * records/s); bytea arrays 7.9, multi-row 12, COPY 6.8 and three more round trips.
 */
async function append(
  sql: Sql,
  records: readonly ChainRecord[],
  tolerant: boolean,
): Promise<"done" | "moved" | "conflict"> {
  const first = at(records, 0);
  const last = at(records, -1);
  const rows = records.map((record) => derive(record.body));
  const column = (name: keyof Derived, type: number) =>
    sql.array(
      rows.map((row) => row[name] as string),
      type,
    );
  const numbers = (values: readonly number[]) => sql.array([...values], int4);
  const texts = (name: keyof Derived) => column(name, textArray);
  const { blob, offsets } = join(records);
  try {
    const [row] = await sql<{ moved: number }[]>`
      with moved as (${moveHead(sql, first, last)}),
      given as materialized (select ${blob}::bytea as bytes),
      put as (
        insert into receipts (chain, seq, kind, hash, prev, body, at, key_id, key_name, method,
          server, tool, effect, rule, outcome, code, of_seq, args_bytes, result_bytes, took_ms)
        select ${first.chain}::uuid, ${first.seq}::bigint + n - 1, kind,
          substring(bytes from o for h), substring(bytes from o + h for p),
          substring(bytes from o + h + p for b), to_timestamp(at_ms / 1000), key_id, key_name,
          method, server, tool, effect, rule, outcome, code, of_seq, args_bytes, result_bytes,
          took_ms
        from given, unnest(
          ${sql.array(records.map((record) => record.kind) as string[], textArray)},
          ${numbers(offsets)}, ${numbers(records.map((record) => record.hash.length))},
          ${numbers(records.map((record) => record.prev.length))},
          ${numbers(records.map((record) => record.body.length))},
          ${column("at_ms", float8)}, ${texts("key_id")}, ${texts("key_name")},
          ${texts("method")}, ${texts("server")}, ${texts("tool")}, ${texts("effect")},
          ${texts("rule")}, ${texts("outcome")}, ${texts("code")}, ${column("of_seq", int8)},
          ${column("args_bytes", int8)}, ${column("result_bytes", int8)},
          ${column("took_ms", float8)}
        ) with ordinality as u(kind, o, h, p, b, at_ms, key_id, key_name, method, server, tool,
          effect, rule, outcome, code, of_seq, args_bytes, result_bytes, took_ms, n)
        where exists (select 1 from moved)
        ${tolerant ? sql`on conflict (chain, seq) do nothing` : sql``}
      )
      select count(*)::int as moved from moved`;
    return row?.moved === 1 ? "done" : "moved";
  } catch (thrown) {
    if (sqlState(thrown) === uniqueViolation) return "conflict";
    throw thrown;
  }
}

const uniqueViolation = "23505";
/** Types of arrays, pg_type.dat. */
const [textArray, int4, int8, float8] = [1009, 1007, 1016, 1022] as const;

/** Exactly once: the head moves only from the record before the batch to the batch's last. */
function moveHead(sql: Sql, first: ChainRecord, last: ChainRecord) {
  if (first.seq === 0) {
    return sql`
      insert into chain_heads (chain, last_seq, last_hash)
      values (${last.chain}, ${last.seq}, ${last.hash}) on conflict do nothing returning 1`;
  }
  return sql`
    update chain_heads set last_seq = ${last.seq}, last_hash = ${last.hash}
    where chain = ${last.chain} and last_seq = ${first.seq - 1} and last_hash = ${first.prev}
    returning 1`;
}

/** What the store does not hold yet. Throws GW_AUDIT_FORK when what it holds is something else. */
async function unshipped(
  sql: Sql,
  records: readonly ChainRecord[],
): Promise<readonly ChainRecord[]> {
  const first = at(records, 0);
  const last = at(records, -1);
  const [heads, rows] = await Promise.all([
    sql<{ last_seq: string; last_hash: Uint8Array }[]>`
      select last_seq, last_hash from chain_heads where chain = ${first.chain}`,
    sql<{ seq: string; hash: Uint8Array }[]>`
      select seq, hash from receipts
      where chain = ${first.chain} and seq between ${first.seq} and ${last.seq}`,
  ]);
  const head: Head | undefined = heads[0] && {
    seq: Number(heads[0].last_seq),
    hash: heads[0].last_hash,
  };
  const stored = new Map(rows.map((row) => [Number(row.seq), row.hash]));
  const shipped = (record: ChainRecord) => head !== undefined && record.seq <= head.seq;
  for (const record of records) {
    if (shipped(record) || stored.has(record.seq)) checkSame(record, stored.get(record.seq));
  }
  const rest = records.filter((record) => !shipped(record));
  if (rest[0] !== undefined) checkNext(head, rest[0]);
  return rest;
}

function join(records: readonly ChainRecord[]): { blob: Uint8Array; offsets: number[] } {
  const blob = Buffer.concat(records.flatMap(({ hash, prev, body }) => [hash, prev, body]));
  // substring() counts from 1.
  let offset = 1;
  const offsets = records.map(({ hash, prev, body }) => {
    const start = offset;
    offset += hash.length + prev.length + body.length;
    return start;
  });
  return { blob, offsets };
}

function at(records: readonly ChainRecord[], index: number): ChainRecord {
  const record = records.at(index);
  if (record === undefined) throw fault("GW_INTERNAL", { message: "Cannot ship an empty batch" });
  return record;
}
