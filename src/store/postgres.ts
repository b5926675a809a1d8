/** Receipts and keys in Postgres. The `postgres` package is loaded at the first use. */

import type { Sql } from "postgres";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { checkBatch, chunks } from "./batch.ts";
import { migrations, schemaVersion } from "./migrations.ts";
import { type ClientOptions, openClient } from "./postgres-client.ts";
import { addKey, replaceKey, revokeKey } from "./postgres-keys.ts";
import { inspect, readRecords } from "./postgres-records.ts";
import { readSession, saveSessions, sessionsSince } from "./postgres-sessions.ts";
import { shipChunk } from "./postgres-ship.ts";
import {
  type JoinedRow,
  readReceiptId,
  type StoredKey,
  splitTool,
  toKeyRow,
  toReceiptRow,
} from "./rows.ts";
import type { ReceiptQuery, ReceiptRow, Store } from "./store.ts";

export type PostgresOptions = Omit<ClientOptions, "place">;

/**
 * Nothing connects before the first call. Every call ends within `queryMs` (migrate: within
 * limits.migrateMs); after a deadline all connections are dropped and made anew. `pool` is the
 * most connections. The role needs what docs/database.md grants; migrate() needs the owner unless
 * the tables are up to date.
 */
export function postgresStore(options: PostgresOptions): Store {
  const place = placeOf(options.url);
  const client = openClient({ ...options, place });
  let warnings: readonly string[] = [];
  return {
    kind: "postgres",
    place,
    async migrate() {
      // Without a lock first: the gateway's own role may read the version but not change tables.
      // And by the usual deadline: a frozen server is not a large table that gets an index.
      if ((await client.run("make the tables", schemaIs)) >= schemaVersion) return;
      await client.run("make the tables", migrate, limits.migrateMs);
    },
    async ping() {
      warnings = await client.run("read the settings", readWarnings);
    },
    pool: () => client.pool(),
    async ship(records) {
      checkBatch(records);
      for (const chunk of chunks(records)) await shipChunk(client, chunk);
    },
    head: (chain) => client.run("read the head of a chain", (sql) => head(sql, chain)),
    chains: () => client.run("list the chains", chains),
    records: (chain, fromSeq, limit) => readRecords(client, chain, fromSeq, limit),
    inspect: () => client.run("look at the chains", inspect),
    receipts: (query) => client.run("list receipts", (sql) => receipts(sql, query)),
    keys: () =>
      client.run("read the keys", async (sql) => {
        const rows = await sql<StoredKey[]>`select * from gateway_keys order by created_ms, id`;
        return rows.map(toKeyRow);
      }),
    addKey: (row) => client.run("make a key", (sql) => addKey(sql, row)),
    replaceKey: (row, oldId, oldEndsMs) =>
      client.run("replace a key", (sql) => replaceKey(sql, row, oldId, oldEndsMs)),
    revokeKey: (id, atMs) => client.run("revoke a key", (sql) => revokeKey(sql, id, atMs)),
    keysVersion: () =>
      client.run("read the keys' version", async (sql) => {
        const [row] = await sql<{ version: string }[]>`select version from keys_version`;
        return Number(row?.version ?? 0);
      }),
    saveSessions: (rows) =>
      client.run("keep sessions", (sql) => sql.begin((tx) => saveSessions(tx, rows))),
    session: (digest) => client.run("read a session", (sql) => readSession(sql, digest)),
    sessionsSince: (version) =>
      client.run("read the sessions' changes", (sql) => sessionsSince(sql, version)),
    forgetSessions: (nowMs) =>
      client.run("forget sessions", async (sql) => {
        await sql`delete from gateway_sessions where ends_ms < ${nowMs}`;
      }),
    warnings: () => warnings,
    close: () => client.close(),
  };
}

/** Never shows the URL: it may hold a password where a parser does not expect one. */
function placeOf(url: string): string {
  if (!URL.canParse(url)) {
    const message = "Cannot use `database`: it is not a URL";
    const fix = "write postgres://user:password@host:5432/name, special characters as %XX";
    throw fault("GW_CONFIG", { message, fix });
  }
  const { username, host, pathname } = new URL(url);
  return `postgres://${username === "" ? "" : `${username}@`}${host}${pathname}`;
}

/** Any number that no other program is likely to lock: the bytes of "gwmi". */
const migrationLock = 0x67776d69;

async function migrate(sql: Sql): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local statement_timeout = ${tx.unsafe(String(limits.migrateMs))}`;
    await tx`select pg_advisory_xact_lock(${migrationLock})`;
    // Before the version is read: only a statement that locks a table sees what another starter
    // made while this one waited; to_regclass would answer from the connection's cache.
    await tx`create table if not exists schema_version (
      version int primary key, at timestamptz not null default clock_timestamp())`;
    const present = await schemaIs(tx);
    for (const step of migrations) {
      if (step.version <= present) continue;
      for (const statement of step.postgres) await tx.unsafe(statement);
      await tx`insert into schema_version (version) values (${step.version})`;
    }
  });
}

async function schemaIs(sql: Pick<Sql, "unsafe">): Promise<number> {
  const [table] = await sql.unsafe("select to_regclass('schema_version') is not null as there");
  if (table?.["there"] !== true) return 0;
  const [row] = await sql.unsafe("select coalesce(max(version), 0) as version from schema_version");
  return Number(row?.["version"] ?? 0);
}

/** A22: settings that make a commit less than durable. */
async function readWarnings(sql: Sql): Promise<string[]> {
  const [row] = await sql<{ fsync: string; pages: string; commit: string }[]>`
    select current_setting('fsync') as fsync, current_setting('full_page_writes') as pages,
      current_setting('synchronous_commit') as commit`;
  const found: string[] = [];
  if (row?.fsync === "off") found.push("fsync is off: a crash of the server can lose receipts");
  if (row?.pages === "off") {
    found.push("full_page_writes is off: a crash of the server can damage receipts");
  }
  if (row?.commit === "off") {
    found.push("synchronous_commit is off: a crash of the server can lose receipts");
  }
  return found;
}

async function head(sql: Sql, chain: string): Promise<number> {
  const [row] = await sql<{ last_seq: string }[]>`
    select last_seq from chain_heads where chain = ${chain}`;
  return Number(row?.last_seq ?? -1);
}

async function chains(sql: Sql): Promise<string[]> {
  const rows = await sql<{ chain: string }[]>`
    select chain from chain_heads order by first_at, chain`;
  return rows.map((row) => row.chain);
}

async function receipts(sql: Sql, query: ReceiptQuery): Promise<ReceiptRow[]> {
  const id = query.id === undefined ? undefined : readReceiptId(query.id);
  if (query.id !== undefined && id === undefined) return [];
  const tool = query.tool === undefined ? undefined : splitTool(query.tool);
  const conditions = [
    sql`i.kind in ('intent', 'refusal', 'call')`,
    // What stands before or behind its chain is no record: verify names it.
    sql`and i.seq >= 0 and i.seq <= (select last_seq from chain_heads h where h.chain = i.chain)`,
    query.beforeMs !== undefined && sql`and i.at < to_timestamp(${query.beforeMs} / 1000.0)`,
    query.key !== undefined && sql`and (i.key_name = ${query.key} or i.key_id = ${query.key})`,
    tool !== undefined && sql`and i.tool = ${tool.tool}`,
    tool?.server !== undefined && sql`and i.server = ${tool.server}`,
    query.outcome !== undefined && sql`and coalesce(o.outcome, i.outcome) = ${query.outcome}`,
    id && sql`and i.chain between ${id.first} and ${id.last} and i.seq = ${id.seq}`,
  ].filter((condition) => condition !== false && condition !== undefined);
  const rows = await sql<JoinedRow[]>`
    select i.chain, i.seq::float8 as seq, floor(extract(epoch from i.at) * 1000)::float8 as at_ms,
      i.key_name, i.server, i.tool, i.effect, i.rule, coalesce(o.outcome, i.outcome) as outcome,
      coalesce(o.code, i.code) as code, i.args_bytes::float8 as args_bytes,
      coalesce(o.result_bytes, i.result_bytes)::float8 as result_bytes,
      coalesce(o.took_ms, i.took_ms) as took_ms
    from receipts i left join receipts o
      on o.chain = i.chain and o.of_seq = i.seq and o.kind = 'outcome'
    where ${conditions}
    order by i.at desc nulls last, i.chain desc, i.seq desc
    limit ${Math.min(query.limit, limits.storePage)}`;
  return rows.map(toReceiptRow);
}
