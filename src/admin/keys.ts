/** Routes about keys. A token leaves the gateway once, in the answer that made it. */

import { fault } from "../base/errors.ts";
import { type JsonObject, member } from "../base/json.ts";
import type { KeyRow } from "../store/store.ts";
import type { CreatedKey, ListedKey } from "./contract.ts";
import type { AdminPorts, AdminRequest, MadeKey } from "./routes.ts";

export async function listKeys(_: AdminRequest, ports: AdminPorts): Promise<readonly ListedKey[]> {
  return ports.access.list().map((row) => listedKey(row, Date.now()));
}

/** Body {name, roles, expires_in_ms?}. */
export async function createKey(
  { body, caller }: AdminRequest,
  ports: AdminPorts,
): Promise<CreatedKey> {
  const name = nameOf(body, "name");
  const roles = rolesOf(body);
  const life = durationOf(body, "expires_in_ms");
  const expiresMs = life === undefined ? null : Date.now() + life;
  // Recorded before it happens: a key that no receipt tells of must not exist.
  await ports.audit.admin("key.create", caller.keyId, { name, roles }).durable;
  return createdKey(await ports.access.create({ name, roles, expiresMs }));
}

/** Body {key}: name or id. `stored` false: held in data_dir until the store is back. */
export async function revokeKey({ body, caller }: AdminRequest, ports: AdminPorts) {
  const key = nameOf(body, "key");
  await ports.audit.admin("key.revoke", caller.keyId, { key }).durable;
  const { rows, stored } = await ports.access.revoke(key);
  return { keys: rows.map((row) => listedKey(row, Date.now())), stored };
}

/** Body {key, grace_ms?}. */
export async function rotateKey({ body, caller }: AdminRequest, ports: AdminPorts) {
  const key = nameOf(body, "key");
  const graceMs = durationOf(body, "grace_ms") ?? 0;
  await ports.audit.admin("key.rotate", caller.keyId, { key, grace_ms: graceMs }).durable;
  return createdKey(await ports.access.rotate(key, { graceMs }));
}

export function createdKey(made: MadeKey): CreatedKey {
  const { row, token } = made;
  return {
    id: row.id,
    name: row.name,
    role: row.roles[0] ?? "",
    roles: row.roles,
    token,
    expires_at: timeText(row.expiresMs),
  };
}

export function listedKey(row: KeyRow, nowMs: number): ListedKey {
  const expired = row.expiresMs !== null && row.expiresMs <= nowMs;
  return {
    id: row.id,
    name: row.name,
    roles: row.roles,
    created_at: new Date(row.createdMs).toISOString(),
    expires_at: timeText(row.expiresMs),
    revoked_at: timeText(row.revokedMs),
    state: row.revokedMs !== null ? "revoked" : expired ? "expired" : "live",
  };
}

function timeText(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** Grammar of names and roles is that of access; here only that they are text. */
function nameOf(body: JsonObject, field: string): string {
  const name = member(body, field);
  if (typeof name === "string" && name.length > 0 && name.length <= 256) return name;
  throw fault("GW_PARAMS", { message: `"${field}" must be a name` });
}

function rolesOf(body: JsonObject): readonly string[] {
  const roles = member(body, "roles");
  const isText = (role: unknown): role is string => typeof role === "string" && role.length < 64;
  if (Array.isArray(roles) && roles.length < 10 && roles.every(isText)) return roles;
  throw fault("GW_PARAMS", { message: '"roles" must be a list of roles' });
}

function durationOf(body: JsonObject, field: string): number | undefined {
  const ms = member(body, field);
  if (ms === undefined || ms === null) return undefined;
  // Dates end at 8.64e15 ms; ten thousand years are enough for a key.
  if (typeof ms === "number" && Number.isInteger(ms) && ms >= 0 && ms <= 3.2e14) return ms;
  throw fault("GW_PARAMS", { message: `"${field}" must be a whole number of ms` });
}
