/** Routes about keys. A token leaves the gateway once, in the answer that made it. */

import { asFault, fault, GatewayError } from "../base/errors.ts";
import { type JsonObject, member } from "../base/json.ts";
import type { KeyRow } from "../store/store.ts";
import type { ListedKey } from "./contract.ts";
import type { CreatedKey } from "./contract-keys.ts";
import type { AdminPorts, AdminRequest, MadeKey } from "./routes.ts";

export async function listKeys(_: AdminRequest, ports: AdminPorts): Promise<readonly ListedKey[]> {
  return ports.access.list().map((row) => listedKey(row, Date.now()));
}

/** Body {name, roles, expires_in_ms?}. */
export async function createKey(
  { body, caller, stillMay }: AdminRequest,
  ports: AdminPorts,
): Promise<CreatedKey> {
  const name = nameOf(body, "name");
  const roles = rolesOf(body);
  const life = durationOf(body, "expires_in_ms");
  if (life === 0) {
    throw fault("GW_PARAMS", { message: '"expires_in_ms" is 0: the key would be over at once' });
  }
  const expiresMs = life === undefined ? null : Date.now() + life;
  // Recorded before it happens: a key that no receipt tells of must not exist.
  await ports.audit.admin("key.create", caller.keyId, { name, roles }).durable;
  stillMay();
  return createdKey(await ports.access.create({ name, roles, expiresMs }));
}

/**
 * Body {key}: name or id. `stored` false: held in data_dir until the store is back. The key ends
 * before that is recorded: a receipt that cannot be written must not keep a key alive (F11).
 */
export async function revokeKey({ body, caller }: AdminRequest, ports: AdminPorts) {
  const key = nameOf(body, "key");
  const { rows, stored } = await revoked(key, ports);
  await recorded(
    () => ports.audit.admin("key.revoke", caller.keyId, { key }).durable,
    `Key "${shown(key)}" is revoked, but no receipt says so`,
  );
  return { keys: rows.map((row) => listedKey(row, Date.now())), stored };
}

/** Body {key, grace_ms?}. Recorded before it happens, as it makes a key. */
export async function rotateKey({ body, caller, stillMay }: AdminRequest, ports: AdminPorts) {
  const key = nameOf(body, "key");
  const graceMs = durationOf(body, "grace_ms") ?? 0;
  await recorded(
    () => ports.audit.admin("key.rotate", caller.keyId, { key, grace_ms: graceMs }).durable,
    `Key "${shown(key)}" is not rotated, its token still works`,
    "`authensor-gw keys revoke` ends a key even now",
  );
  stillMay();
  return createdKey(await ports.access.rotate(key, { graceMs }));
}

async function revoked(key: string, ports: AdminPorts) {
  try {
    return await ports.access.revoke(key);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.code !== "GW_DATA_DIR") throw thrown;
    const message = `Key "${shown(key)}" is revoked in this process, but not on disk`;
    const fix = "free or mend data_dir, then revoke it again: a restart would let it in";
    throw fault("GW_DATA_DIR", { message, cause: `${thrown.message}: ${thrown.why}`, fix });
  }
}

/** A receipt that cannot be written: the answer says what became of the key all the same. */
async function recorded(
  record: () => Promise<void> | undefined,
  message: string,
  fix?: string,
): Promise<void> {
  try {
    await record();
  } catch (thrown) {
    const error = asFault(thrown, "Cannot write the receipt");
    const why = error.why === "" ? "" : `: ${error.why}`;
    const cause = `${error.message}${why}`;
    throw fault(error.code, { message, cause, fix: fix ?? error.fix });
  }
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

/** As much of a name as one line shows. */
function shown(name: string): string {
  return name.slice(0, 64);
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
