/** The embedded store itself: synchronous, so it runs in a worker thread and never on the loop. */

import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { fault, GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { ChainRecord, RecordKind } from "../receipt/model.ts";
import { checkNext, checkSame, type Head } from "./batch.ts";
import { derive, derivedColumns } from "./derive.ts";
import { migrations, schemaVersion } from "./migrations.ts";
import {
  type JoinedRow,
  nameTaken,
  notLive,
  readReceiptId,
  type StoredKey,
  splitTool,
  toKeyRow,
  toReceiptRow,
} from "./rows.ts";
import type { KeyRow, ReceiptQuery, ReceiptRow } from "./store.ts";

/** The Store interface without its promises. Throws GatewayErrors. */
export interface Engine {
  migrate(): void;
  ping(): void;
  ship(records: readonly ChainRecord[]): void;
  head(chain: string): number;
  chains(): readonly string[];
  records(chain: string, fromSeq: number, limit: number): readonly ChainRecord[];
  receipts(query: ReceiptQuery): readonly ReceiptRow[];
  keys(): readonly KeyRow[];
  addKey(row: KeyRow): void;
  replaceKey(row: KeyRow, oldId: string, oldEndsMs: number): void;
  revokeKey(id: string, atMs: number): boolean;
  keysVersion(): number;
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
    if (options.readOnly) return database;
    // FULL: a commit is on disk when it returns, which is when the spool may forget the records.
    database.exec("pragma journal_mode = wal; pragma synchronous = full");
    return database;
  } catch (thrown) {
    throw databaseFault(options.path, thrown);
  }
}

function build(database: DatabaseSync, readOnly: boolean): Engine {
  const prepare = prepared(database);
  return {
    migrate: () => migrate(database, readOnly),
    ping: () => void prepare("select 1").get(),
    ship: (records) => inTransaction(database, () => ship(prepare, records)),
    head: (chain) => readHead(prepare, chain)?.seq ?? -1,
    chains: () =>
      all<{ chain: string }>(prepare("select chain from chain_heads order by rowid")).map(
        (row) => row.chain,
      ),
    records: (chain, fromSeq, limit) => readRecords(prepare, chain, fromSeq, limit),
    receipts: (query) => receipts(prepare, query),
    keys: () => all<StoredKey>(prepare("select * from gateway_keys order by rowid")).map(toKeyRow),
    addKey: (row) => inTransaction(database, () => addKey(prepare, row)),
    replaceKey: (row, oldId, oldEndsMs) =>
      inTransaction(database, () => replaceKey(prepare, row, oldId, oldEndsMs)),
    revokeKey: (id, atMs) => inTransaction(database, () => revokeKey(prepare, id, atMs)),
    keysVersion: () =>
      one<{ version: number }>(prepare("select version from keys_version")).version,
    close: () => database.close(),
  };
}

type Prepare = (sql: string) => StatementSync;

function prepared(database: DatabaseSync): Prepare {
  const statements = new Map<string, StatementSync>();
  return (sql) => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
}

// node:sqlite types rows as unknown; the columns are those of the statement beside the call.
function all<T>(statement: StatementSync, ...values: (string | number)[]): T[] {
  return statement.all(...values) as unknown as T[];
}

function one<T>(statement: StatementSync): T {
  return statement.get() as unknown as T;
}

function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("begin immediate");
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
  // Read again inside: another starter may have done it while this one waited for the lock.
  inTransaction(database, () => {
    for (const step of migrations) {
      if (step.version <= version()) continue;
      for (const statement of step.sqlite) database.exec(statement);
      database.exec(`pragma user_version = ${step.version}`);
    }
  });
}

function readHead(prepare: Prepare, chain: string): Head | undefined {
  const statement = prepare("select last_seq, last_hash from chain_heads where chain = ?");
  const [row] = all<{ last_seq: number; last_hash: Uint8Array }>(statement, chain);
  return row === undefined ? undefined : { seq: row.last_seq, hash: row.last_hash };
}

const placeholders = [..."chain,seq,kind,hash,prev,body".split(","), ...derivedColumns];
const insertSql =
  `insert or ignore into receipts (${placeholders.join(", ")}) ` +
  `values (${placeholders.map(() => "?").join(", ")})`;

/** Records in order, in a transaction: skips what is there, appends the rest, moves the head. */
function ship(prepare: Prepare, records: readonly ChainRecord[]): void {
  const [first] = records;
  const last = records.at(-1);
  if (first === undefined || last === undefined) return;
  const head = readHead(prepare, first.chain);
  const stored = prepare("select hash from receipts where chain = ? and seq = ?");
  const check = (record: ChainRecord) => {
    const [row] = all<{ hash: Uint8Array }>(stored, record.chain, record.seq);
    checkSame(record, row?.hash);
  };
  const fresh = records.filter((record) => head === undefined || record.seq > head.seq);
  for (const record of records.slice(0, records.length - fresh.length)) check(record);
  const [next] = fresh;
  if (next === undefined) return;
  checkNext(head, next);
  for (const record of fresh) {
    // 0 changes: somebody put a row there without moving the head (A7).
    if (insert(prepare(insertSql), record) === 0) check(record);
  }
  prepare(
    "insert into chain_heads (chain, last_seq, last_hash) values (?, ?, ?) on conflict (chain) " +
      "do update set last_seq = excluded.last_seq, last_hash = excluded.last_hash",
  ).run(last.chain, last.seq, last.hash);
}

function insert(statement: StatementSync, record: ChainRecord): number {
  const derived = derive(record.body);
  const { chain, seq, kind, hash, prev, body } = record;
  const columns = derivedColumns.map((name) => derived[name]);
  return Number(statement.run(chain, seq, kind, hash, prev, body, ...columns).changes);
}

function readRecords(
  prepare: Prepare,
  chain: string,
  fromSeq: number,
  limit: number,
): ChainRecord[] {
  const statement = prepare(
    "select seq, kind, hash, prev, body from receipts where chain = ? and seq >= ? " +
      "order by seq limit ?",
  );
  const rows = all<{
    seq: number;
    kind: RecordKind;
    hash: Uint8Array;
    prev: Uint8Array;
    body: Uint8Array;
  }>(statement, chain, fromSeq, Math.min(limit, limits.storePage));
  return rows.map((row) => ({ chain, ...row }));
}

/** `+` keeps SQLite from leaving the index that gives the order: a page is read, not a sort. */
function receipts(prepare: Prepare, query: ReceiptQuery): ReceiptRow[] {
  const where = ["i.kind in ('intent', 'refusal')"];
  const values: (string | number)[] = [];
  const add = (condition: string, ...given: (string | number)[]) => {
    where.push(condition);
    values.push(...given);
  };
  if (query.beforeMs !== undefined) add("i.at_ms < ?", query.beforeMs);
  if (query.key !== undefined) add("(i.key_name = ? or i.key_id = ?)", query.key, query.key);
  if (query.tool !== undefined) {
    const { server, tool } = splitTool(query.tool);
    add("i.tool = ?", tool);
    if (server !== undefined) add("i.server = ?", server);
  }
  if (query.outcome !== undefined) add("coalesce(o.outcome, i.outcome) = ?", query.outcome);
  if (query.id !== undefined) {
    const id = readReceiptId(query.id);
    if (id === undefined) return [];
    add("i.chain between ? and ? and i.seq = ?", id.first, id.last, id.seq);
  }
  const statement = prepare(
    `select i.chain, i.seq, i.at_ms, i.key_name, i.server, i.tool, i.effect, i.rule,
       coalesce(o.outcome, i.outcome) as outcome, i.args_bytes, o.result_bytes,
       coalesce(o.took_ms, i.took_ms) as took_ms
     from receipts i left join receipts o
       on o.chain = i.chain and o.of_seq = i.seq and o.kind = 'outcome'
     where ${where.join(" and ")}
     order by i.at_ms desc, i.chain desc, i.seq desc limit ?`,
  );
  const limit = Math.min(query.limit, limits.storePage);
  return all<JoinedRow>(statement, ...values, limit).map(toReceiptRow);
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
    receipts: safe(engine.receipts),
    keys: safe(engine.keys),
    addKey: safe(engine.addKey),
    replaceKey: safe(engine.replaceKey),
    revokeKey: safe(engine.revokeKey),
    keysVersion: safe(engine.keysVersion),
    close: safe(engine.close),
  };
}

function databaseFault(path: string, thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const cause = thrown instanceof Error ? thrown.message : String(thrown);
  return fault("GW_DATABASE", { message: `Cannot use the embedded store "${path}"`, cause });
}
