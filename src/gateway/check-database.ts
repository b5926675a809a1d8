/** The store as a start finds it. Reads only: what is missing, a start makes. */

import { hasSnapshot } from "../access/snapshot.ts";
import { asFault, describe } from "../base/errors.ts";
import type { Store } from "../store/store.ts";
import type { Config } from "./config-model.ts";
import { openEmbedded } from "./offline.ts";
import { asOwner, checkPin, openStore } from "./open-store.ts";

/** The embedded store of a data_dir that is there. Throws GW_STORE_CHANGED, GW_DATABASE. */
export async function checkEmbedded(config: Config): Promise<void> {
  if (config.database.kind !== "sqlite" || config.databaseProblems !== undefined) return;
  checkPin(config, { kind: "sqlite", place: config.dataDir });
  const store = await openEmbedded(config.dataDir);
  try {
    await store?.ping();
  } finally {
    await store?.close();
  }
}

/** Postgres. What does not stop a start goes to `notes`. Throws GW_STORE_CHANGED, GW_DATABASE. */
export async function checkDatabase(config: Config, notes: string[]): Promise<void> {
  const { database } = config;
  if (database.kind !== "postgres") return;
  const store = await openStore(config);
  try {
    checkPin(config, store);
    if (database.adminUrl !== undefined) {
      await asOwner(database.adminUrl, (owner) => owner.ping());
    }
    await store.ping();
    notes.push(...store.warnings(), ...(await grantsLack(store)));
  } catch (thrown) {
    const error = asFault(thrown, "Cannot use the database");
    if (error.code !== "GW_DATABASE" || database.requiredAtStart) throw error;
    notes.push(`${withoutDatabase(config)}: ${describe(error)}`);
  } finally {
    await store.close();
  }
}

/** A start without its database lets nobody in: it would have no keys. */
export function isClosedWithout({ auth, dataDir }: Config): boolean {
  return auth !== "none" && !hasSnapshot(dataDir);
}

function withoutDatabase(config: Config): string {
  const goesOn = "A start goes on without the database";
  if (!isClosedWithout(config)) return goesOn;
  return `${goesOn}, and lets nobody in until it answers: data_dir has no keys of an earlier start`;
}

/** The role can connect; can it read the keys? A start makes missing tables, but no grants. */
async function grantsLack(store: Store): Promise<string[]> {
  try {
    await store.keysVersion();
    return [];
  } catch (thrown) {
    const error = asFault(thrown, "Cannot read the keys");
    if (error.why.includes("(42P01)"))
      return ["The database has no tables yet: a start makes them"];
    return [`A start goes on, but nobody is let in: ${describe(error)}`];
  }
}
