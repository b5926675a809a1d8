/** Changes of keys in Postgres; each moves `keys_version`, which other gateways watch. */

import type { Sql } from "postgres";
import { sqlState } from "./postgres-client.ts";
import { nameTaken, notLive } from "./rows.ts";
import type { KeyRow } from "./store.ts";

/** A statement runner that is either the pool or one transaction. */
type Runner = Pick<Sql, "unsafe">;

export async function addKey(sql: Sql, row: KeyRow): Promise<void> {
  try {
    await sql.begin(async (tx) => {
      // An expired key gives its name free.
      await tx`update gateway_keys set replaced_by = ${row.id} where name = ${row.name}
        and revoked_ms is null and replaced_by is null and expires_ms <= ${row.createdMs}`;
      await insert(tx, row);
    });
  } catch (thrown) {
    throw isTaken(thrown) ? nameTaken(row.name) : thrown;
  }
}

export async function replaceKey(
  sql: Sql,
  row: KeyRow,
  oldId: string,
  oldEndsMs: number,
): Promise<void> {
  const revoke = oldEndsMs <= row.createdMs;
  await sql.begin(async (tx) => {
    const ended = await tx`
      update gateway_keys set replaced_by = ${row.id},
        ${revoke ? tx`revoked_ms = ${oldEndsMs}` : tx`expires_ms = least(expires_ms, ${oldEndsMs})`}
      where id = ${oldId} and name = ${row.name} and revoked_ms is null and replaced_by is null`;
    if (ended.count === 0) throw notLive(oldId);
    await insert(tx, row);
  });
}

export async function revokeKey(sql: Sql, id: string, atMs: number): Promise<boolean> {
  return await sql.begin(async (tx) => {
    const set = await tx`
      update gateway_keys set revoked_ms = ${atMs} where id = ${id} and revoked_ms is null`;
    if (set.count > 0) {
      await changed(tx);
      return true;
    }
    const there = await tx`select 1 from gateway_keys where id = ${id}`;
    return there.count > 0;
  });
}

async function insert(tx: Runner, row: KeyRow): Promise<void> {
  await tx.unsafe(
    "insert into gateway_keys (id, name, roles, token_hash, created_ms, expires_ms, revoked_ms) " +
      "values ($1, $2, $3, $4, $5, $6, $7)",
    [
      ...[row.id, row.name, row.roles.join(","), row.tokenHash],
      ...[row.createdMs, row.expiresMs, row.revokedMs],
    ],
  );
  await changed(tx);
}

async function changed(tx: Runner): Promise<void> {
  await tx.unsafe("update keys_version set version = version + 1");
}

function isTaken(thrown: unknown): boolean {
  if (sqlState(thrown) !== "23505" || !(thrown instanceof Error)) return false;
  return "constraint_name" in thrown && thrown.constraint_name === "gateway_keys_name";
}
