/** The embedded store itself: synchronous, so it runs in a worker thread and never on the loop. */

import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { fault, GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { migrations, schemaVersion } from "./migrations.ts";
import { isChain, nameTaken, notLive, type StoredKey, toKeyRow } from "./rows.ts";
import { inspect } from "./sqlite-inspect.ts";
import { receipts } from "./sqlite-receipts.ts";
import { readRecords } from "./sqlite-records.ts";
import { readSession, saveSessions, sessionsSince } from "./sqlite-sessions.ts";
import { readHead, shipFrames } from "./sqlite-ship.ts";
import { all, type Prepare, prepared } from "./sqlite-statement.ts";
import type {
  FrameBatch,
  Inspected,
  KeyRow,
  ReceiptQuery,
  ReceiptRow,
  SessionChange,
  SessionChanges,
  SessionRow,
  StoredRecord,
} from "./store.ts";

/** The Store interface without its promises. Throws GatewayErrors. */
export interface Engine {
  migrate(): void;
  ping(): void;
  ship(batch: FrameBatch<Uint8Array>): void;
  head(chain: string): number;
  chains(): readonly string[];
  records(chain: string, fromSeq: number, limit: number): readonly StoredRecord[];
  inspect(): Inspected;
  receipts(query: ReceiptQuery): readonly ReceiptRow[];
  keys(): readonly KeyRow[];
  addKey(row: KeyRow): void;
  replaceKey(row: KeyRow, oldId: string, oldEndsMs: number): void;
  revokeKey(id: string, atMs: number): boolean;
  keysVersion(): number;
  saveSessions(changes: readonly SessionChange[]): number;
  session(digest: string): SessionRow | undefined;
  sessionsSince(version: number | undefined): SessionChanges;
  forgetSessions(nowMs: number): void;
  close(): void;
}

export interface EngineOptions {
  readonly path: string;
  readonly readOnly: boolean;
}

export function openEngine(options: EngineOptions): Engine {
  return sayDatabase(options.path, build(open(options), options.readOnly));
}

function open(options: EngineOptions): DatabaseSync {
  try {
    // 0600 before SQLite opens it: the -wal and -shm files take the mode of the database (O4).
    if (!options.readOnly) closeSync(openSync(options.path, "a", 0o600));
    if (!options.readOnly) chmodSync(options.path, 0o600);
    const database = new DatabaseSync(options.path, { readOnly: options.readOnly });
    database.exec(`pragma busy_timeout = ${limits.queryMs}`);
    if (options.readOnly) {
      standIn(database);
      return database;
    }
    // Only for a new file. Larger pages: fewer to write for the same rows.
    database.exec("pragma page_size = 8192");
    // FULL: a commit is on disk when it returns, which is when the spool may forget the records.
    database.exec("pragma journal_mode = wal; pragma synchronous = full");
    // A statement of several rows keeps a journal of its own, which would be a file each time.
    database.exec("pragma temp_store = memory");
    return database;
  } catch (thrown) {
    throw databaseFault(options.path, thrown);
  }
}

/** A copy that the version before wrote has no runs, and can be read all the same. */
function standIn(database: DatabaseSync): void {
  if (!hasTable(database, "records") || hasTable(database, "runs")) return;
  database.exec(`create temp table runs (id integer primary key, last_seq, from_ms, until_ms,
      heads, bodies);
    create temp table ends (of_id integer primary key, id)`);
}

function hasTable(database: DatabaseSync, name: string, where = "main"): boolean {
  const tables = `${where}.sqlite_master where type = 'table'`;
  const found = `select count(*) as n from ${tables} and name = ?`;
  return one<{ n: number }>(database.prepare(found), name).n > 0;
}

function build(database: DatabaseSync, readOnly: boolean): Engine {
  const prepare = prepared(database);
  const stoodIn = readOnly && hasTable(database, "runs", "temp");
  /** All statements of a reader see one state: a record must not move between two of them. */
  const atOnce = <T>(read: () => T): T => {
    const looked = (): T => {
      if (stoodIn && hasTable(database, "runs")) throw new Error("it was upgraded meanwhile");
      return read();
    };
    return inTransaction(database, looked, "begin");
  };
  return {
    migrate: () => migrate(database, readOnly),
    ping: () => void prepare("select 1").get(),
    ship: (batch) => inTransaction(database, () => shipFrames(prepare, batch)),
    head: (chain) => readHead(prepare, chain)?.seq ?? -1,
    chains: () =>
      all<{ chain: string }>(prepare("select chain from chain_heads order by no"))
        .map((row) => row.chain)
        .filter(isChain),
    inspect: () => atOnce(() => inspect(prepare)),
    records: (chain, fromSeq, limit) => atOnce(() => readRecords(prepare, chain, fromSeq, limit)),
    receipts: (query) => atOnce(() => receipts(prepare, query)),
    keys: () => all<StoredKey>(prepare("select * from gateway_keys order by rowid")).map(toKeyRow),
    addKey: (row) => inTransaction(database, () => addKey(prepare, row)),
    replaceKey: (row, oldId, oldEndsMs) =>
      inTransaction(database, () => replaceKey(prepare, row, oldId, oldEndsMs)),
    revokeKey: (id, atMs) => inTransaction(database, () => revokeKey(prepare, id, atMs)),
    keysVersion: () =>
      one<{ version: number }>(prepare("select version from keys_version")).version,
    saveSessions: (changes) => inTransaction(database, () => saveSessions(prepare, changes)),
    session: (digest) => readSession(prepare, digest),
    sessionsSince: (version) => sessionsSince(prepare, version),
    forgetSessions: (nowMs) =>
      void prepare("delete from gateway_sessions where ends_ms < ?").run(nowMs),
    close: () => database.close(),
  };
}

function one<T>(statement: StatementSync, ...values: string[]): T {
  return statement.get(...values) as unknown as T;
}

function inTransaction<T>(database: DatabaseSync, work: () => T, begin = "begin immediate"): T {
  database.exec(begin);
  try {
    const value = work();
    database.exec("commit");
    return value;
  } catch (thrown) {
    // A failed commit may have ended the transaction already; then there is nothing to undo.
    if (database.isTransaction) database.exec("rollback");
    throw thrown;
  }
}

function migrate(database: DatabaseSync, readOnly: boolean): void {
  const version = () =>
    one<{ user_version: number }>(database.prepare("pragma user_version")).user_version;
  if (version() >= schemaVersion) return;
  if (readOnly) throw new Error(`its tables are version ${version()}, not ${schemaVersion}`);
  // What the index of a large table is sorted in can be larger than the memory: 47 bytes a row.
  database.exec("pragma temp_store = file");
  // Read again inside: another starter may have done it while this one waited for the lock.
  inTransaction(database, () => {
    for (const step of migrations) {
      if (step.version <= version()) continue;
      for (const statement of step.sqlite) database.exec(statement);
      database.exec(`pragma user_version = ${step.version}`);
    }
  });
  database.exec("pragma temp_store = memory");
}

const insertKeySql =
  "insert into gateway_keys (id, name, roles, token_hash, created_ms, expires_ms, revoked_ms) " +
  "values (?, ?, ?, ?, ?, ?, ?)";

function addKey(prepare: Prepare, row: KeyRow): void {
  // An expired key gives its name free.
  prepare(
    "update gateway_keys set replaced_by = ? where name = ? and revoked_ms is null " +
      "and replaced_by is null and expires_ms <= ?",
  ).run(row.id, row.name, row.createdMs);
  const taken = prepare(
    "select 1 from gateway_keys where name = ? and revoked_ms is null and replaced_by is null",
  );
  if (taken.get(row.name) != null) throw nameTaken(row.name);
  insertKey(prepare, row);
}

function insertKey(prepare: Prepare, row: KeyRow): void {
  const { id, name, roles, tokenHash, createdMs, expiresMs, revokedMs } = row;
  const joined = roles.join(",");
  prepare(insertKeySql).run(id, name, joined, tokenHash, createdMs, expiresMs, revokedMs);
  keysChanged(prepare);
}

function replaceKey(prepare: Prepare, row: KeyRow, oldId: string, oldEndsMs: number): void {
  const revoke = oldEndsMs <= row.createdMs;
  const end = revoke
    ? "revoked_ms = ?"
    : "expires_ms = min(coalesce(expires_ms, 9007199254740991), ?)";
  const ended = prepare(
    `update gateway_keys set replaced_by = ?, ${end} where id = ? and name = ? ` +
      "and revoked_ms is null and replaced_by is null",
  ).run(row.id, oldEndsMs, oldId, row.name);
  if (Number(ended.changes) === 0) throw notLive(oldId);
  insertKey(prepare, row);
}

function revokeKey(prepare: Prepare, id: string, atMs: number): boolean {
  const set = prepare("update gateway_keys set revoked_ms = ? where id = ? and revoked_ms is null");
  if (Number(set.run(atMs, id).changes) > 0) {
    keysChanged(prepare);
    return true;
  }
  return prepare("select 1 from gateway_keys where id = ?").get(id) != null;
}

function keysChanged(prepare: Prepare): void {
  prepare("update keys_version set version = version + 1").run();
}

/** Every method with what SQLite throws turned into GW_DATABASE. */
function sayDatabase(path: string, engine: Engine): Engine {
  const safe = <A extends unknown[], T>(call: (...values: A) => T) => {
    return (...values: A): T => {
      try {
        return call(...values);
      } catch (thrown) {
        throw databaseFault(path, thrown);
      }
    };
  };
  return {
    migrate: safe(engine.migrate),
    ping: safe(engine.ping),
    ship: safe(engine.ship),
    head: safe(engine.head),
    chains: safe(engine.chains),
    records: safe(engine.records),
    inspect: safe(engine.inspect),
    receipts: safe(engine.receipts),
    keys: safe(engine.keys),
    addKey: safe(engine.addKey),
    replaceKey: safe(engine.replaceKey),
    revokeKey: safe(engine.revokeKey),
    keysVersion: safe(engine.keysVersion),
    saveSessions: safe(engine.saveSessions),
    session: safe(engine.session),
    sessionsSince: safe(engine.sessionsSince),
    forgetSessions: safe(engine.forgetSessions),
    close: safe(engine.close),
  };
}

function databaseFault(path: string, thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const cause = thrown instanceof Error ? thrown.message : String(thrown);
  return fault("GW_DATABASE", { message: `Cannot use the embedded store "${path}"`, cause });
}
