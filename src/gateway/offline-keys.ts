/** Keys without a running gateway. Shapes are those of the admin API. */

import type { NewKey } from "../access/keys.ts";
import { tokenHash } from "../access/token.ts";
import type { ListedKey } from "../admin/contract.ts";
import type { CreatedKey } from "../admin/contract-keys.ts";
import { createdKey, listedKey } from "../admin/keys.ts";
import { fault, GatewayError } from "../base/errors.ts";
import type { KeyRow } from "../store/store.ts";
import type { Config } from "./config-model.ts";
import { changeKeysOffline, readStoreOffline } from "./offline.ts";

export async function createKeyOffline(config: Config, key: NewKey): Promise<CreatedKey> {
  return createdKey(await changeKeysOffline(config, (access) => access.create(key)));
}

export async function rotateKeyOffline(
  config: Config,
  key: string,
  graceMs: number,
): Promise<CreatedKey> {
  return createdKey(await changeKeysOffline(config, (access) => access.rotate(key, { graceMs })));
}

/** `stored` false: held in data_dir until the store is back. */
export async function revokeKeyOffline(
  config: Config,
  key: string,
): Promise<{ keys: readonly ListedKey[]; stored: boolean }> {
  const { rows, stored } = await changeKeysOffline(config, (access) => access.revoke(key));
  return { keys: rows.map((row) => listedKey(row, Date.now())), stored };
}

export async function listKeysOffline(config: Config): Promise<readonly ListedKey[]> {
  const rows = await readStoreOffline(config, async (store) => (await store?.keys()) ?? []);
  return rows.map((row) => listedKey(row, Date.now()));
}

/** What became of the first admin key: see firstAdminKeyOffline. */
export type FirstAdminKey =
  /** The given token is an admin key of this store that works. */
  | { readonly kind: "kept" }
  /** The store has an admin key that works, and it is not the given one. */
  | { readonly kind: "other"; readonly name: string }
  /** `known`: the given token is a key of this store, only no admin's. */
  | { readonly kind: "made"; readonly token: string; readonly known: boolean };

/**
 * Makes the first admin key of a store that has none. `token`: the one of the user's admin.key.
 * Rejects GW_OWNED where a gateway runs and the store has no admin key.
 */
export async function firstAdminKeyOffline(
  config: Config,
  token: string | undefined,
): Promise<FirstAdminKey> {
  try {
    return await changeKeysOffline(config, async (access) => {
      const { found, known } = judge(access.list(), token);
      if (found !== undefined) return found;
      const made = await access.create({ name: "admin", roles: ["admin"], expiresMs: null });
      return { kind: "made", token: made.token, known };
    });
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.code !== "GW_OWNED") throw thrown;
    const rows = await readStoreOffline(config, async (store) => (await store?.keys()) ?? []);
    const { found } = judge(rows, token);
    if (found !== undefined) return found;
    const { message, why: cause, data } = thrown;
    const fix = "authensor-gw keys create --role admin --name admin";
    throw fault("GW_OWNED", { message, cause, fix, data });
  }
}

function judge(rows: readonly KeyRow[], token: string | undefined) {
  const digest = token === undefined ? undefined : tokenHash(token);
  const live = rows.filter((row) => listedKey(row, Date.now()).state === "live");
  const admins = live.filter((row) => row.roles.includes("admin"));
  const mine = admins.some((row) => row.tokenHash === digest);
  const found: FirstAdminKey | undefined = mine
    ? { kind: "kept" }
    : admins[0] && { kind: "other", name: admins[0].name };
  return { found, known: live.some((row) => row.tokenHash === digest) };
}
