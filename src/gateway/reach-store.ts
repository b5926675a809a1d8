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
 * does not answer yet is tried again until it does. Gives what ends the trying.
 */
export async function reachStore(reach: Reach): Promise<() => void> {
  const { config, store, clock, log } = reach;
  const { database } = config;
  try {
    await contact(reach);
    return () => undefined;
  } catch (thrown) {
    if (database.kind === "sqlite" || database.requiredAtStart) throw thrown;
    const { code, message, why: cause, fix } = asFault(thrown, "Cannot reach the store");
    const fields = { store: store.place, code, message, cause, fix };
    log.error("database is not reachable; serving from data_dir", fields);
  }
  let stopped = false;
  let cancel = clock.after(limits.storeRetryMs, again);
  function again(): void {
    contact(reach).then(
      () => log.info("database is reachable", { store: store.place }),
      () => {
        if (!stopped) cancel = clock.after(limits.storeRetryMs, again);
      },
    );
  }
  return () => {
    stopped = true;
    cancel();
  };
}

async function contact({ config, store, log }: Reach): Promise<void> {
  await store.migrate();
  pinStore(config, store);
  if (store.kind === "sqlite") return;
  // What it says about its settings is kept for status.
  await store.ping();
  for (const warning of store.warnings()) log.warn("database setting", { warning });
}
