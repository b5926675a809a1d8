/** The first contact with the store: tables, settings, and only then the pin in data_dir. */

import { asFault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/ports.ts";
import type { Store } from "../store/store.ts";
import type { Config } from "./config-model.ts";
import { pinStore } from "./open-store.ts";

export interface Reach {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The store is not needed to start, unless the config says so (O2): then this rejects. One that
 * does not answer yet is tried again until it does; one that is busy with its tables is not waited
 * for. Gives what ends the trying.
 */
export async function reachStore(reach: Reach): Promise<() => void> {
  const { config, store, clock, log } = reach;
  const { database } = config;
  const isNeeded = database.kind === "sqlite" || database.requiredAtStart;
  let stopped = false;
  let cancel = () => {};
  const reached = () => log.info("database is reachable", { store: store.place });
  const retry = () => {
    if (stopped) return;
    cancel = clock.after(limits.storeRetryMs, () => contact(reach).then(reached, retry));
  };
  const failed = (thrown: unknown) => {
    const { code, message: error, why: cause, fix } = asFault(thrown, "Cannot reach the store");
    const fields = { store: store.place, code, error, cause, fix };
    log.error("database is not reachable; serving from data_dir", fields);
    retry();
  };
  const first = contact(reach);
  const trying = isNeeded ? first : first.catch(failed);
  if (!(await endsWithin(clock, limits.storeStartMs, trying))) {
    const meanwhile = isNeeded ? "the start waits for it" : "serving from data_dir";
    log.warn(`database still upgrades its tables; ${meanwhile}`, { store: store.place });
    if (isNeeded) await first;
    first.then(reached, () => undefined);
  }
  return () => {
    stopped = true;
    cancel();
  };
}

/** False: it goes on. */
function endsWithin(clock: Clock, ms: number, work: Promise<void>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(false));
    work.then(() => resolve(true), reject).finally(cancel);
  });
}

async function contact({ config, store, log }: Reach): Promise<void> {
  await store.migrate();
  pinStore(config, store);
  if (store.kind === "sqlite") return;
  // What it says about its settings is kept for status.
  await store.ping();
  for (const warning of store.warnings()) log.warn("database setting", { warning });
}
