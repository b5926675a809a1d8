/** Postgres from a connection of doctor's own: the way to it, then what it says of itself. */

import type { Sql } from "postgres";
import { limits } from "../base/limits.ts";
import { isClosedWithout } from "../gateway/check-database.ts";
import type { Config, DatabaseConfig } from "../gateway/config-model.ts";
import { attemptsText, connectAll, resolveAll } from "./connect.ts";
import { type Finding, type FindingParts, finding } from "./finding.ts";
import { sinceOf } from "./periods.ts";
import { thenRestart } from "./stale.ts";
import { spanText } from "./times.ts";
import type { World } from "./world.ts";

type Postgres = Extract<DatabaseConfig, { kind: "postgres" }>;

export async function checkDatabase(world: World): Promise<readonly Finding[]> {
  const { config } = world;
  if (config === undefined) return [];
  if (config.databaseProblems !== undefined && world.gateway.kind === "up") {
    world.note("`database` has a value that is not set here: only the gateway's own view is told");
    return told(world);
  }
  if (config.databaseProblems !== undefined) return [];
  const { database } = config;
  if (database.kind === "sqlite") return told(world);
  const found = await ask(world, config, database);
  return found.length > 0 ? found : [...pool(world), ...told(world)];
}

/** What the gateway says of its store. */
function told(world: World): Finding[] {
  if (world.gateway.kind !== "up") return [];
  const { store } = world.gateway.status.audit;
  if (store.ok) return [];
  const saw = `the gateway's ${store.kind} store takes no receipts`;
  return [of(world, { code: "GW_DATABASE", saw, cause: store.error ?? "it does not answer" })];
}

function of(world: World, parts: Omit<FindingParts, "link">): Finding {
  return finding({
    link: "gateway",
    since: sinceOf(world, "store"),
    effect: effectOf(world),
    ...parts,
  });
}

/** Calls go on from the spool; how long, it says. */
function effectOf({ gateway, config }: World): string {
  if (gateway.kind !== "up") {
    const needed = config?.database.kind === "postgres" && config.database.requiredAtStart;
    if (needed) return "the gateway does not start";
    const isClosed = config !== undefined && isClosedWithout(config);
    return isClosed ? startsClosed : "the gateway starts without it";
  }
  const { spoolRecords, spoolBytes, spoolMaxBytes } = gateway.status.audit;
  const share = Math.round((spoolBytes * 100) / spoolMaxBytes);
  if (spoolBytes > spoolMaxBytes)
    return `calls are refused: ${spoolRecords} receipts fill the spool`;
  const wait = spoolRecords === 1 ? "receipt waits" : "receipts wait";
  const waits = `${spoolRecords} ${wait} in the spool, which is ${share} % full`;
  // Nothing was read since the start, and there was no snapshot.
  const closed = gateway.status.access.source === "none";
  return `${closed ? "every agent is refused (GW_KEYS_UNAVAILABLE)" : "calls go on"}; ${waits}`;
}

const startsClosed =
  "the gateway starts without it, and refuses every agent until it answers: data_dir has no keys " +
  "of an earlier start";

async function ask(world: World, config: Config, database: Postgres): Promise<Finding[]> {
  const url = new URL(database.url);
  const port = Number(url.port || 5432);
  const place = `${url.hostname}:${port}${url.pathname}`;
  const unreached = await reach(world, url.hostname, port);
  if (unreached !== undefined) return [unreached];
  const { default: postgres } = await import("postgres");
  const sql = postgres(database.url, {
    max: 4,
    connect_timeout: limits.doctorAnswerMs / 1000,
    onnotice: () => {},
    connection: { application_name: "authensor-gw-doctor", statement_timeout: statementMs },
  });
  const timer = { id: undefined as ReturnType<typeof setTimeout> | undefined };
  const late = new Promise<"late">((resolve) => {
    timer.id = setTimeout(() => resolve("late"), limits.doctorAnswerMs);
  });
  try {
    const answered = await Promise.race([sql`select 1`, late]);
    if (answered !== "late") return await look(world, sql, config);
    const saw = `${place} takes the connection and does not answer in ${limits.doctorAnswerMs} ms`;
    return [of(world, { code: "GW_DB_SILENT", saw })];
  } catch (thrown) {
    return [refused(world, database, place, thrown)];
  } finally {
    clearTimeout(timer.id);
    // A frozen server is not waited for.
    void sql.end({ timeout: 0 }).catch(() => undefined);
  }
}

const statementMs = 1_200;

async function reach(world: World, host: string, port: number): Promise<Finding | undefined> {
  const code = "GW_DATABASE";
  try {
    const bare = host.startsWith("[") ? host.slice(1, -1) : host;
    const attempts = await connectAll(await resolveAll(bare), port);
    if (attempts.some(({ reached }) => reached === "open")) return undefined;
    const saw = `database: ${attemptsText(attempts, port)}`;
    const cause = attempts.some(({ reached }) => reached === "refused")
      ? "no database listens there"
      : "the host does not answer: a firewall, a route, or it is away";
    const fix = "start the database, or correct `database` in the config";
    return of(world, { code, saw, cause, fix });
  } catch (thrown) {
    const saw = `database: "${host}" does not resolve: ${textOf(thrown)}`;
    return of(world, { code, saw, fix: "correct `database` in the config, or this machine's DNS" });
  }
}

/** By SQLSTATE: why a connection was not taken. */
function refused(world: World, database: Postgres, place: string, thrown: unknown): Finding {
  const state = String((thrown as { code?: unknown }).code ?? "");
  const saw = `${place} refuses: ${textOf(thrown)}${state === "" ? "" : ` (${state})`}`;
  const user = new URL(database.url).username;
  if (state === "53300" || state === "53400") {
    const ofRole = saw.includes("for role");
    const cause = ofRole
      ? "its role may have no more connections"
      : "all connections of the database are in use (max_connections)";
    const fix = ofRole ? `alter role ${user} connection limit -1;` : mostConnections;
    return of(world, { code: "GW_DB_POOL", saw, cause, fix });
  }
  if (state.startsWith("28")) {
    const fix = "correct user and password in `database`, or pg_hba.conf of the database";
    return of(world, { code: "GW_DATABASE", saw, cause: "it does not let this role in", fix });
  }
  if (state === "3D000") {
    const name = new URL(database.url).pathname.slice(1);
    const fix = `in the database server: create database ${name}`;
    return of(world, { code: "GW_DATABASE", saw, cause: "there is no such database", fix });
  }
  return of(world, { code: "GW_DATABASE", saw, cause: textOf(thrown) });
}

const mostConnections =
  "raise max_connections of the database, or lower `database.pool` of those that use it";

/** It answers: its clock, tables, grants, and who waits for whom. Not one of them is changed. */
async function look(world: World, sql: Sql, config: Config): Promise<Finding[]> {
  const [clock, tables, locks] = await Promise.all([clockOf(sql), tablesOf(sql), locksOf(sql)]);
  return [
    ...clockFindings(world, clock),
    ...tableFindings(world, config, tables),
    ...locks.map((lock) => lockFinding(world, lock)),
  ];
}

async function clockOf(sql: Sql): Promise<number> {
  const rows = await sql<{ ms: string }[]>`
    select (extract(epoch from clock_timestamp()) * 1000)::bigint::text as ms`;
  return Number(rows[0]?.ms ?? Date.now()) - Date.now();
}

function clockFindings(world: World, skewMs: number): Finding[] {
  if (Math.abs(skewMs) < skewMostMs) return [];
  const saw = `this machine and the database differ by ${spanText(Math.abs(skewMs))}`;
  const effect = "keys end at the wrong time, receipts have wrong times";
  return [of(world, { severity: "warning", code: "GW_CLOCK", saw, effect, since: "" })];
}

const skewMostMs = 10_000;

interface Tables {
  readonly missing: readonly string[];
  readonly denied: readonly string[];
}

/** docs/database.md, "Two roles". */
const rights: readonly (readonly [table: string, rights: readonly string[]])[] = [
  ["schema_version", ["SELECT"]],
  ["receipts", ["SELECT", "INSERT"]],
  ["chain_heads", ["SELECT", "INSERT"]],
  ["gateway_keys", ["SELECT", "INSERT"]],
  ["keys_version", ["SELECT"]],
  ["gateway_sessions", ["SELECT", "INSERT", "UPDATE", "DELETE"]],
  ["sessions_version", ["SELECT"]],
];

async function tablesOf(sql: Sql): Promise<Tables> {
  const wanted = rights.flatMap(([name, all]) => all.map((right) => ({ name, right })));
  const names = wanted.map(({ name }) => name);
  const kinds = wanted.map(({ right }) => right);
  const rows = await sql<{ name: string; kind: string; has: boolean | null }[]>`
    select name, kind, case when to_regclass(name) is null then null
      else has_table_privilege(to_regclass(name)::oid, kind) end as has
    from unnest(${names}::text[], ${kinds}::text[]) as wanted (name, kind)`;
  return {
    missing: [...new Set(rows.filter(({ has }) => has === null).map(({ name }) => name))],
    denied: rows.filter(({ has }) => has === false).map(({ name, kind }) => `${kind} on ${name}`),
  };
}

function tableFindings(world: World, config: Config, { missing, denied }: Tables): Finding[] {
  const role = config.database.kind === "postgres" ? new URL(config.database.url).username : "";
  const found: Finding[] = [];
  if (denied.length > 0) {
    const grants = denied.map((right) => `grant ${right.toLowerCase()} to ${role};`).join(" ");
    found.push(
      of(world, {
        code: "GW_DB_GRANT",
        saw: `the role "${role}" lacks ${denied.join(", ")}`,
        cause: "the grants of docs/database.md were not given, or were taken back",
        fix: grants,
      }),
    );
  }
  // A start makes what is missing: without a gateway it is no fault yet.
  if (missing.length > 0 && world.gateway.kind === "up") {
    const saw = `there is no table ${missing.join(", ")}`;
    found.push(of(world, { code: "GW_DB_TABLES", saw }));
  }
  return found;
}

interface Lock {
  readonly table: string;
  readonly blocker: number;
  readonly who: string;
  readonly doing: string;
  /** null: it may not be seen. */
  readonly seconds: number | null;
}

/**
 * Sessions that hold a table so that the gateway has to wait, seen twice: who only passes by is no
 * fault. Of other roles' sessions the gateway's role may see the process and little else.
 */
async function locksOf(sql: Sql): Promise<readonly Lock[]> {
  const first = await holders(sql);
  if (first.length === 0) return [];
  await new Promise((resolve) => setTimeout(resolve, lockMs));
  const second = await holders(sql);
  return second.filter(({ blocker }) => first.some((one) => one.blocker === blocker));
}

const lockMs = 500;

async function holders(sql: Sql): Promise<readonly Lock[]> {
  return await sql<Lock[]>`
    select distinct on (held.pid) held.relation::regclass::text as table, held.pid as blocker,
      coalesce(other.usename, '') as who, coalesce(left(other.query, 80), '') as doing,
      extract(epoch from clock_timestamp() - other.xact_start)::float8 as seconds
    from pg_locks held left join pg_stat_activity other on other.pid = held.pid
    where held.granted and held.mode in ('ExclusiveLock', 'AccessExclusiveLock')
      and held.relation in (select to_regclass(name)::oid
        from unnest(${rights.map(([name]) => name)}::text[]) as ours (name))
      and coalesce(other.application_name, '') not like 'authensor-gw%'`;
}

function lockFinding(world: World, lock: Lock): Finding {
  const { seconds } = lock;
  const held = seconds === null ? "" : ` for ${Math.round(seconds)} s`;
  return of(world, {
    code: "GW_DB_LOCK",
    saw: `session ${lock.blocker} of "${lock.who}" holds a lock on ${lock.table}${held}`,
    cause: lock.doing === "" ? "its transaction is open" : `its transaction is open: ${lock.doing}`,
    fix: `select pg_terminate_backend(${lock.blocker});`,
  });
}

/** The gateway's own connections are all in use. */
function pool(world: World): Finding[] {
  const live = world.gateway.kind === "up" ? world.gateway.live : undefined;
  const now = live?.gauges.store.pool;
  if (!now || now.waiting === 0 || now.busy < now.max) return [];
  return [
    of(world, {
      severity: "warning",
      code: "GW_DB_POOL",
      saw: `all ${now.max} connections of the gateway's pool are busy, ${now.waiting} wait`,
      cause: "the database answers slower than receipts come",
      fix: `look at what is slow in the database; or raise database.pool${thenRestart(world)}`,
    }),
  ];
}

function textOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  // An AggregateError of a socket has no text of its own.
  return text === "" ? String((thrown as { code?: unknown }).code ?? "no reason") : text;
}
