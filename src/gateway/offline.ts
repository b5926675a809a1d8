/** What the command line does without a running gateway: the same store, opened for a moment. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type KeyAccess, openAccess } from "../access/keys.ts";
import { limits } from "../base/limits.ts";
import { createLog } from "../base/log.ts";
import { systemClock, systemRandom } from "../base/system.ts";
import type { Store } from "../store/store.ts";
import type { Config } from "./config-model.ts";
import { needReadable } from "./data-dir.ts";
import { checkPin, openStore, pinStore } from "./open-store.ts";
import { ownDataDir } from "./owner.ts";

/**
 * Changes keys while no gateway runs: data_dir is owned meanwhile, so none can start half-way.
 * Rejects GW_OWNED, GW_DATA_DIR, GW_DATABASE, GW_STORE_CHANGED, and what `change` rejects.
 */
export async function changeKeysOffline<T>(
  config: Config,
  change: (access: KeyAccess) => Promise<T>,
): Promise<T> {
  const owner = await ownDataDir(config.dataDir);
  let store: Store | undefined;
  try {
    store = await openStore(config);
    checkPin(config, store);
    await store.migrate();
    pinStore(config, store);
    const access = await openAccess({
      store,
      dataDir: config.dataDir,
      clock: systemClock,
      random: systemRandom,
      refreshMs: limits.keyRefreshMs,
      log: createLog({ level: "error" }),
    });
    try {
      return await change(access);
    } finally {
      await access.close();
    }
  } finally {
    await store?.close();
    owner.release();
  }
}

/**
 * Reads the store without changing it; `read` gets undefined where nothing was stored yet. Rejects
 * GW_DATA_DIR where this user cannot see whether something was.
 */
export async function readStoreOffline<T>(
  config: Config,
  read: (store: Store | undefined) => Promise<T>,
): Promise<T> {
  needReadable(config.dataDir);
  const store = await openToRead(config);
  try {
    return await read(store);
  } finally {
    await store?.close();
  }
}

async function openToRead(config: Config): Promise<Store | undefined> {
  if (config.database.kind === "postgres") return await openStore(config);
  return await openEmbedded(config.dataDir);
}

/** The embedded store of a data_dir, or of a copy of one; undefined: it has none. */
export async function openEmbedded(dataDir: string): Promise<Store | undefined> {
  const path = join(dataDir, "store.db");
  if (!existsSync(path)) return undefined;
  const { sqliteStore } = await import("../store/sqlite.ts");
  return sqliteStore({ path, readOnly: true });
}

export function spoolOf(dataDir: string): string {
  return join(dataDir, "spool");
}
