/** Legacy sessions in the embedded store. */

import { limits } from "../base/limits.ts";
import { patched, type StoredSession, toSessionChanges, toSessionRow } from "./rows.ts";
import { all, type Prepare } from "./sqlite-statement.ts";
import type { SessionChange, SessionChanges, SessionRow } from "./store.ts";

export function saveSessions(prepare: Prepare, changes: readonly SessionChange[]): number {
  prepare("update sessions_version set version = version + 1").run();
  const version = versionNow(prepare);
  for (const { digest, keyId, endsMs, endedMs, patch } of changes) {
    const state = patched(readSession(prepare, digest)?.state, patch);
    prepare(upsert).run(digest, keyId, endsMs, endedMs, state, version);
  }
  return version;
}

const upsert = `
  insert into gateway_sessions (digest, key_id, ends_ms, ended_ms, state, version)
  values (?, ?, ?, ?, ?, ?)
  on conflict (digest) do update set state = excluded.state, version = excluded.version,
    ended_ms = coalesce(gateway_sessions.ended_ms, excluded.ended_ms)
  where gateway_sessions.key_id = excluded.key_id`;

export function readSession(prepare: Prepare, digest: string): SessionRow | undefined {
  const found = prepare("select * from gateway_sessions where digest = ?");
  const [row] = all<StoredSession>(found, digest);
  return row === undefined ? undefined : toSessionRow(row);
}

export function sessionsSince(prepare: Prepare, version: number | undefined): SessionChanges {
  if (version === undefined) return { version: versionNow(prepare), rows: [] };
  const changed = prepare(
    "select * from gateway_sessions where version > ? order by version, digest limit ?",
  );
  return toSessionChanges(version, all<StoredSession>(changed, version, limits.storePage));
}

function versionNow(prepare: Prepare): number {
  const [row] = all<{ version: number }>(prepare("select version from sessions_version"));
  return Number(row?.version ?? 0);
}
