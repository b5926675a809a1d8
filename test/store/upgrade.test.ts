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
import { noLookup } from "../kit/no-lookup.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";
import { addCall, type ChainBuilder, callChain } from "../kit/records.ts";

setDefaultTimeout(60_000);

const home = mkdtempSync(join(tmpdir(), "gw-upgrade-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const before = migrations.filter(({ version }) => version <= 2);

/** Lists what was there and what came after, newest first. */
async function goesOn(store: Store): Promise<void> {
  const chain = callChain(2);
  await store.ship(chain.records);
  await upgrades(store, chain);
}

async function upgrades(store: Store, chain: ChainBuilder): Promise<void> {
  await store.migrate();
  addCall(chain, {}, {}, 1_700_000_001_500);
  await store.ship(chain.records);
  expect((await store.receipts({ limit: 9 })).map(({ seq }) => seq)).toEqual([4, 2, 0]);
}

/** A store of the version before, in which one that can write it put these records. */
async function storeBefore(path: string, chain: ChainBuilder): Promise<DatabaseSync> {
  const made = `${path}-made`;
  const maker = sqliteStore({ path: made });
  await maker.migrate();
  await maker.ship(chain.records);
  await maker.close();
  const raw = new DatabaseSync(path);
  for (const one of before) for (const statement of one.sqlite) raw.exec(statement);
  raw.exec(`attach '${made}' as made`);
  for (const table of ["chain_heads", "records"]) {
    raw.exec(`insert into ${table} select * from made.${table}`);
  }
  raw.exec("detach made; pragma user_version = 2");
  return raw;
}

test("O5 SQLite: a page is read by the index that came with the kind call", async () => {
  const path = join(home, "store.db");
  const chain = callChain(2);
  const raw = await storeBefore(path, chain);
  const store = sqliteStore({ path });
  await upgrades(store, chain);
  await store.close();
  const indexes = raw.prepare("select name from sqlite_master where tbl_name = 'records'").all();
  raw.close();
  const names = indexes.map((row) => row["name"]);
  expect(names.filter((name) => String(name).startsWith("records_"))).toEqual([
    "records_outcomes",
    "records_by_time",
  ]);
});

test("O5 SQLite: what the version before stored and what runs hold are one chain", async () => {
  const path = join(home, "runs.db");
  const chain = callChain(2);
  const raw = await storeBefore(path, chain);
  for (let at = 0; at < 200; at += 1) addCall(chain, {}, {}, 1_700_000_002_000 + at);
  const store = sqliteStore({ path });
  await store.migrate();
  await store.ship(chain.records.slice(4));
  expect(raw.prepare("select count(*) as n from runs").get()?.["n"]).toBe(1);
  const records = await store.records(chain.chain, 0, 999);
  expect(records.map(({ seq }) => seq)).toEqual([...chain.records.keys()]);
  expect((await store.receipts({ limit: 999 })).map(({ seq }) => seq)).toEqual(
    [0, 2, ...Array.from({ length: 200 }, (_, at) => 4 + at)].reverse(),
  );
  const seen = raw.prepare("select count(*) as n, count(at_ms) as calls from receipts").get();
  expect(seen).toMatchObject({ n: 204, calls: 202 });
  await store.close();
  raw.close();
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
    const store = postgresStore({ url, pool: 2, queryMs: 5000, lookup: noLookup });
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
