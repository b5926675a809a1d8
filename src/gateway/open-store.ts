/** The store the config names, pinned in data_dir so that a changed line cannot hide receipts. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fault } from "../base/errors.ts";
import { isObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { currentRuntime } from "../runtime/current.ts";
import type { Store } from "../store/store.ts";
import type { Config } from "./config-model.ts";

/** Loads only the store in use. */
export async function openStore(config: Config): Promise<Store> {
  if (config.database.kind === "sqlite") {
    const { sqliteStore } = await import("../store/sqlite.ts");
    return sqliteStore({ path: join(config.dataDir, "store.db") });
  }
  const { url, adminUrl, pool } = config.database;
  const { postgresStore } = await import("../store/postgres.ts");
  const queryMs = limits.queryMs;
  const { lookup } = await currentRuntime();
  const store = postgresStore({ url, pool, queryMs, lookup });
  // The owner makes the tables and is gone again; the gateway's own role can only add (A21).
  // A connection of its own in any case: what takes minutes is not cut with the others (L10).
  return { ...store, migrate: () => asOwner(adminUrl ?? url, (owner) => owner.migrate()) };
}

/** Runs `work` as the role of `database.admin_url`, on a connection of its own. */
export async function asOwner(
  adminUrl: string,
  work: (owner: Store) => Promise<void>,
): Promise<void> {
  const { postgresStore } = await import("../store/postgres.ts");
  const { lookup } = await currentRuntime();
  const owner = postgresStore({ url: adminUrl, pool: 1, queryMs: limits.queryMs, lookup });
  try {
    await work(owner);
  } finally {
    await owner.close();
  }
}

type Place = Pick<Store, "kind" | "place">;

/** Throws GW_STORE_CHANGED when data_dir was used with another store. Changes nothing. */
export function checkPin(config: Config, store: Place): void {
  const before = readPin(config);
  if (before === undefined || before.id === identity(store)) return;
  throw fault("GW_STORE_CHANGED", {
    message: `Cannot use the ${store.kind} store ${store.place} with this data_dir`,
    cause: `it was used with the ${before.kind} store ${before.place}`,
  });
}

/** Ties data_dir to a store that has answered: one that never did must not stand in the way. */
export function pinStore(config: Config, store: Place): void {
  const id = identity(store);
  if (readPin(config)?.id === id) return;
  const path = pinPath(config);
  const text = JSON.stringify({ kind: store.kind, place: store.place, id });
  writeFileSync(`${path}.new`, `${text}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function pinPath(config: Config): string {
  return join(config.dataDir, "store.json");
}

function identity(store: Place): string {
  // A copied data_dir keeps its embedded store, so its path does not count.
  const place = store.kind === "sqlite" ? "" : store.place;
  return createHash("sha256").update(`${store.kind}\n${place}`).digest("hex");
}

function readPin(config: Config): { kind: string; place: string; id: string } | undefined {
  const path = pinPath(config);
  if (!existsSync(path)) return undefined;
  const value: unknown = JSON.parse(readFileSync(path, "utf8"));
  const text = (key: string) => String((isObject(value) && member(value, key)) || "");
  return { kind: text("kind"), place: text("place"), id: text("id") };
}
