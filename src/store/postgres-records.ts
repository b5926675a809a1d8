/** Records out of Postgres, and what its tables hold that no gateway wrote: for verify. */

import type { Sql } from "postgres";
import { limits } from "../base/limits.ts";
import type { RecordKind } from "../receipt/model.ts";
import { type Derived, derive, derivedColumns } from "./derive.ts";
import type { Client } from "./postgres-client.ts";
import type { Inspected, StoredRecord, Stray } from "./store.ts";

export function readRecords(
  client: Client,
  chain: string,
  fromSeq: number,
  limit: number,
): Promise<StoredRecord[]> {
  return client.run("read receipts", async (sql) => {
    const rows = await sql<Row[]>`
      select seq, kind, hash, prev, body, round(extract(epoch from at) * 1000)::float8 as at_ms,
        key_id, key_name, method, server, tool, effect, rule, outcome, code,
        of_seq::float8 as of_seq, args_bytes::float8 as args_bytes,
        result_bytes::float8 as result_bytes, took_ms
      from receipts where chain = ${chain} and seq >= ${fromSeq}
      order by seq limit ${Math.min(limit, limits.storePage)}`;
    return rows.map((row) => {
      const { kind, hash, prev, body } = row;
      const said = derive(body);
      const wrong = derivedColumns.find((name) => row[name] !== said[name]);
      return { chain, seq: Number(row.seq), kind, hash, prev, body, wrong };
    });
  });
}

interface Row extends Derived {
  readonly seq: string;
  readonly kind: RecordKind;
  readonly hash: Uint8Array;
  readonly prev: Uint8Array;
  readonly body: Uint8Array;
}

/** From chain to chain by the primary key: one step each, however many rows. */
export async function inspect(sql: Sql): Promise<Inspected> {
  const rows = await sql<Found[]>`
    with recursive found as (
      (select chain from receipts order by chain limit 1)
      union all
      select (select r.chain from receipts r where r.chain > f.chain order by r.chain limit 1)
      from found f where f.chain is not null)
    select coalesce(f.chain, h.chain) as chain, h.last_seq, encode(h.last_hash, 'hex') as hash,
      (select seq from receipts r where r.chain = f.chain order by seq limit 1) as first
    from found f full join chain_heads h on h.chain = f.chain
    where f.chain is not null or h.chain is not null
    order by h.first_at, chain`;
  const ends: { chain: string; seq: number; hash: string }[] = [];
  const strays: Stray[] = [];
  for (const { chain, last_seq: last, hash, first } of rows) {
    const seq = Number(first ?? -1);
    if (last === null || hash === null) {
      strays.push({ chain, seq, why: "chain_heads does not name the chain" });
    } else ends.push({ chain, seq: Number(last), hash });
    if (first !== null && seq < 0) strays.push({ chain, seq, why: "no record stands there" });
  }
  return { ends, strays };
}

/** bigint comes as text. */
interface Found {
  readonly chain: string;
  readonly last_seq: string | null;
  readonly hash: string | null;
  /** Lowest seq of its rows; null: it has none. */
  readonly first: string | null;
}
