/** Tables that the version before made, with what it stored: this one goes on with them (O5). */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import postgres, { type Sql } from "postgres";
import { migrations } from "../../src/store/migrations.ts";
import { postgresStore } from "../../src/store/postgres.ts";
import { sqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";
import { addCall, callChain } from "../kit/records.ts";

setDefaultTimeout(60_000);

const home = mkdtempSync(join(tmpdir(), "gw-upgrade-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const before = migrations.filter(({ version }) => version <= 2);

/** Lists what was there and what came after, newest first. */
async function goesOn(store: Store): Promise<void> {
  const chain = callChain(2);
  await store.ship(chain.records);
  await store.migrate();
  addCall(chain, {}, {}, 1_700_000_001_500);
  await store.ship(chain.records);
  expect((await store.receipts({ limit: 9 })).map(({ seq }) => seq)).toEqual([4, 2, 0]);
}

test("O5 SQLite: a page is read by the index that came with the kind call", async () => {
  const path = join(home, "store.db");
  const raw = new DatabaseSync(path);
  for (const one of before) for (const statement of one.sqlite) raw.exec(statement);
  raw.exec("pragma user_version = 2");
  const store = sqliteStore({ path });
  await goesOn(store);
  await store.close();
  const indexes = raw.prepare("select name from sqlite_master where tbl_name = 'records'").all();
  raw.close();
  const names = indexes.map((row) => row["name"]);
  expect(names.filter((name) => String(name).startsWith("records_"))).toEqual([
    "records_outcomes",
    "records_by_time",
  ]);
});

describe("O5 Postgres", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres({ durable: false });
  });
  afterAll(() => server.stop());

  /** A database with the tables of the version before, and the owner's own line to it. */
  async function upgraded(name: string, run: (store: Store, sql: Sql, url: string) => unknown) {
    const { adminUrl: url } = await server.database(name);
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    const store = postgresStore({ url, pool: 2, queryMs: 5000 });
    try {
      await sql`create table schema_version (version int primary key, at timestamptz)`;
      for (const one of before) for (const statement of one.postgres) await sql.unsafe(statement);
      await sql`insert into schema_version (version) values (1), (2)`;
      await run(store, sql, url);
    } finally {
      await store.close();
      await sql.end();
    }
  }

  test("the same, also by a gateway that does not know the kind", async () => {
    await upgraded("plain", async (store, sql) => {
      await goesOn(store);
      expect(await callIndexes(sql)).toEqual(["receipts_by_time"]);
      await sql`set enable_seqscan = off`;
      await sql`set enable_sort = off`;
      for (const kinds of ["'intent', 'refusal', 'call'", "'intent', 'refusal'"]) {
        const plan = await sql.unsafe(
          `explain select * from receipts i where i.kind in (${kinds})
           order by i.at desc nulls last, i.chain desc, i.seq desc limit 5`,
        );
        const text = plan.map((row) => row["QUERY PLAN"]).join("\n");
        expect(text).toContain("Index Scan using receipts_by_time on receipts");
        expect(text).not.toContain("Sort");
      }
    });
  });

  test("beside a dump, which has read and goes on for hours, nobody waits for it", async () => {
    await upgraded("dumped", async (store, sql, url) => {
      const dump = await sql.reserve();
      const line = postgres(url, { max: 1, onnotice: () => {} });
      try {
        await dump`begin`;
        await dump`select count(*) from receipts`;
        await goesOn(store);
        expect(await callIndexes(line)).toEqual(["receipts_by_time", "receipts_calls"]);
      } finally {
        await dump`rollback`;
        dump.release();
        await line.end();
      }
    });
  });
});

async function callIndexes(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select indexname as name from pg_indexes
    where tablename = 'receipts' and indexdef like '%kind%' order by indexname`;
  return rows.map(({ name }) => name);
}
