/** Legacy sessions in Postgres; a change moves `sessions_version`, which other gateways watch. */

import type { Sql } from "postgres";
import { limits } from "../base/limits.ts";
import { patched, type StoredSession, toSessionChanges, toSessionRow } from "./rows.ts";
import type { SessionChange, SessionChanges, SessionRow } from "./store.ts";

/** A statement runner that is either the pool or one transaction. */
type Runner = Pick<Sql, "unsafe">;

export async function saveSessions(tx: Runner, changes: readonly SessionChange[]): Promise<number> {
  // Locks the one row: who writes after this sees what this wrote, and versions keep their order.
  const [moved] = await tx.unsafe(
    "update sessions_version set version = version + 1 returning version",
  );
  const version = Number(moved?.["version"]);
  const digests = changes.map(({ digest }) => digest);
  const rows = await tx.unsafe(
    "select digest, state from gateway_sessions where digest = any($1)",
    [digests],
  );
  const before = new Map(rows.map((row) => [String(row["digest"]), String(row["state"])]));
  for (const { digest, keyId, endsMs, endedMs, patch } of changes) {
    const state = patched(before.get(digest), patch);
    await tx.unsafe(upsert, [digest, keyId, endsMs, endedMs, state, version]);
  }
  return version;
}

const upsert = `
  insert into gateway_sessions as old (digest, key_id, ends_ms, ended_ms, state, version)
  values ($1, $2, $3, $4, $5, $6)
  on conflict (digest) do update set state = excluded.state, version = excluded.version,
    ended_ms = coalesce(old.ended_ms, excluded.ended_ms)
  where old.key_id = excluded.key_id`;

export async function readSession(sql: Sql, digest: string): Promise<SessionRow | undefined> {
  const [row] = await sql<StoredSession[]>`
    select * from gateway_sessions where digest = ${digest}`;
  return row === undefined ? undefined : toSessionRow(row);
}

export async function sessionsSince(
  sql: Sql,
  version: number | undefined,
): Promise<SessionChanges> {
  if (version === undefined) {
    const [row] = await sql<{ version: string }[]>`select version from sessions_version`;
    return { version: Number(row?.version ?? 0), rows: [] };
  }
  const rows = await sql<StoredSession[]>`
    select * from gateway_sessions where version > ${version}
    order by version, digest limit ${limits.storePage}`;
  return toSessionChanges(version, rows);
}
