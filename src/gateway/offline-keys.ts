/** Keys without a running gateway. Shapes are those of the admin API. */

import type { NewKey } from "../access/keys.ts";
import type { CreatedKey, ListedKey } from "../admin/contract.ts";
import { createdKey, listedKey } from "../admin/keys.ts";
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
