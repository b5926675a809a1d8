/** API keys: in memory for every request, kept in the store, mirrored in data_dir. */

import { fault } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Clock, Random } from "../base/ports.ts";
import type { KeyRow, Store } from "../store/store.ts";
import type { Access } from "./access.ts";
import { checkName, checkRoles, newKeyId } from "./grammar.ts";
import { openSnapshot } from "./snapshot.ts";
import { type KeySync, keySync } from "./sync.ts";
import { isLive } from "./table.ts";
import { newToken, tokenHash } from "./token.ts";

export interface KeyAccess extends Access {
  /** The token is in this answer and nowhere else. Rejects GW_USAGE, GW_NAME, GW_DATABASE. */
  create(key: NewKey): Promise<MadeKey>;
  /**
   * Ends a key by id, or every live key of a name, in this process at once. Resolves when that is
   * durable: in the store, or in data_dir while the store is away (`stored` false: it is pushed
   * later). Rejects GW_NAME, or GW_DATA_DIR when it is in memory only.
   */
  revoke(idOrName: string): Promise<{ rows: readonly KeyRow[]; stored: boolean }>;
  /** A new token with the name, roles and term of the key; the old one ends after graceMs. */
  rotate(idOrName: string, options?: { graceMs?: number }): Promise<MadeKey>;
  /** As known here, oldest first, ended ones included. */
  list(): readonly KeyRow[];
  /** Reads the store now if it changed. Rejects with GW_DATABASE; what is known stays. */
  refresh(): Promise<void>;
  /** Stops refreshing; the store stays open. */
  close(): Promise<void>;
}

export interface NewKey {
  readonly name: string;
  readonly roles: readonly string[];
  /** Wall time in ms; null: never. */
  readonly expiresMs: number | null;
}

export interface MadeKey {
  readonly row: KeyRow;
  readonly token: string;
}

export interface AccessOptions {
  readonly store: Store;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly random: Random;
  /** limits.keyRefreshMs, but for tests. */
  readonly refreshMs: number;
  readonly log: Log;
}

/**
 * Reads the store, or the snapshot when the store does not answer; with neither everybody gets
 * GW_KEYS_UNAVAILABLE until the store does. Rejects with GW_SECRET_MODE or GW_DATA_DIR.
 */
export async function openAccess(options: AccessOptions): Promise<KeyAccess> {
  const { store, clock, random } = options;
  const sync = keySync(options, await openSnapshot(options.dataDir, random));
  await sync.start();
  const make = (key: NewKey): MadeKey => {
    const token = newToken(random);
    const row = { ...key, id: newKeyId(random), tokenHash: tokenHash(token) };
    return { token, row: { ...row, createdMs: clock.now(), revokedMs: null } };
  };
  return {
    authenticate: sync.table.authenticate,
    isLive: sync.table.isLive,
    onGone: sync.onGone,
    status: sync.status,
    async create(key) {
      const roles = checkRoles(key.roles);
      const made = make({ name: checkName(key.name), roles, expiresMs: key.expiresMs });
      await store.addKey(made.row);
      await sync.put([made.row]);
      return made;
    },
    async revoke(idOrName) {
      // Without an await where the key is known: it must end at once.
      const known = matching(sync, idOrName);
      const targets = known.length > 0 ? known : await ask(sync, idOrName);
      const now = clock.now();
      const rows = targets.filter((row) => row.id === idOrName || isLive(row, now));
      if (rows.length === 0) throw noKey(idOrName, "no live key has this name");
      const { stored } = await sync.revoke(rows.filter((row) => row.revokedMs === null));
      const ids = new Set(rows.map((row) => row.id));
      return { stored, rows: sync.table.rows().filter((row) => ids.has(row.id)) };
    },
    async rotate(idOrName, { graceMs = 0 } = {}) {
      const known = matching(sync, idOrName);
      const targets = known.length > 0 ? known : await ask(sync, idOrName);
      const old = targets.findLast((row) => row.revokedMs === null);
      if (old === undefined) throw noKey(idOrName, "the key was revoked");
      const now = clock.now();
      const lifeMs = old.expiresMs === null ? undefined : old.expiresMs - old.createdMs;
      if (lifeMs !== undefined && lifeMs <= 0) throw lifeless(old);
      const expiresMs = lifeMs === undefined ? null : now + lifeMs;
      const made = make({ name: old.name, roles: old.roles, expiresMs });
      const endsMs = Math.min(now + graceMs, old.expiresMs ?? Number.POSITIVE_INFINITY);
      await store.replaceKey(made.row, old.id, endsMs);
      const ended = endsMs <= made.row.createdMs ? { revokedMs: endsMs } : { expiresMs: endsMs };
      await sync.put([{ ...old, ...ended }, made.row]);
      return made;
    },
    list: () => [...sync.table.rows()].sort((a, b) => a.createdMs - b.createdMs),
    refresh: sync.refresh,
    close: sync.close,
  };
}

/** The key with this id, or all with this name, oldest first. */
function matching(sync: KeySync, idOrName: string): readonly KeyRow[] {
  return sync.table
    .rows()
    .filter((row) => row.id === idOrName || row.name === idOrName)
    .sort((a, b) => a.createdMs - b.createdMs);
}

/** After a look into the store: another process may have made the key a moment ago. */
async function ask(sync: KeySync, idOrName: string): Promise<readonly KeyRow[]> {
  await sync.refresh();
  const found = matching(sync, idOrName);
  if (found.length === 0) {
    const live = sync.table.rows().filter((row) => row.revokedMs === null);
    const names = live.map((row) => row.name);
    throw noKey(idOrName, "no key has this name or id", didYouMean(idOrName, names, listed));
  }
  return found;
}

const listed = "`authensor-gw keys list` shows the keys";

/** The new key has the time of the old one, and this had none. */
function lifeless({ name, roles }: KeyRow) {
  const words = roles.map((role) => `--role ${role}`).join(" ");
  return fault("GW_NAME", {
    message: `Key "${name}" has no time that a new one could have`,
    cause: "it was over when it was made (--expires 0)",
    fix: `authensor-gw keys create ${words} --name ${name}`,
  });
}

function noKey(idOrName: string, cause: string, fix = listed) {
  return fault("GW_NAME", { message: `There is no key "${idOrName.slice(0, 64)}"`, cause, fix });
}
