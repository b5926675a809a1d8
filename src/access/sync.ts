/** Keeps the keys in memory, the store and the snapshot in step, whichever of them is away. */

import { asFault, causeText, GatewayError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/ports.ts";
import type { KeyRow, Store } from "../store/store.ts";
import type { AccessStatus } from "./access.ts";
import type { SnapshotFile } from "./snapshot.ts";
import { isLive, keyTable } from "./table.ts";

export interface KeySync {
  readonly table: ReturnType<typeof keyTable>;
  /** Store first, then snapshot; never rejects because of either. */
  start(): Promise<void>;
  /** Pushes what waits, reads the keys if they changed. Rejects with GW_DATABASE. */
  refresh(): Promise<void>;
  /** These rows are new or changed, and in the store already. */
  put(rows: readonly KeyRow[]): Promise<void>;
  /** Ends keys in memory at once; resolves as KeyAccess.revoke says. */
  revoke(rows: readonly KeyRow[]): Promise<{ stored: boolean }>;
  onGone(listener: (keyIds: readonly string[]) => void): void;
  status(): AccessStatus;
  close(): Promise<void>;
}

export interface SyncOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly refreshMs: number;
  readonly log: Log;
}

interface State extends SyncOptions {
  readonly file: SnapshotFile;
  readonly table: ReturnType<typeof keyTable>;
  readonly listeners: ((keyIds: readonly string[]) => void)[];
  /** Revoked here, not yet in the store: laid over whatever the store says (F11). */
  readonly pending: Map<string, number>;
  source: AccessStatus["source"];
  refreshedMs: number | null;
  error: string | undefined;
  /** keysVersion of the rows in memory; undefined: read them again. */
  version: number | undefined;
  /** The snapshot on disk is not what is in memory. */
  unsaved: boolean;
  cancelExpiry: () => void;
}

export function keySync(options: SyncOptions, file: SnapshotFile): KeySync {
  const state: State = {
    ...options,
    file,
    table: keyTable(options.clock),
    listeners: [],
    pending: new Map(),
    source: "none",
    refreshedMs: null,
    error: undefined,
    version: undefined,
    unsaved: false,
    cancelExpiry: () => {},
  };
  const inTurn = turns();
  const ticker = repeat(state, () => inTurn(() => refresh(state)));
  return {
    table: state.table,
    async start() {
      // The snapshot first: what it holds back from the store (pending) has to win over the store.
      await loadSnapshot(state);
      await inTurn(() => refresh(state)).catch((thrown) => noteFailure(state, thrown));
      ticker.start();
    },
    refresh: () => inTurn(() => refresh(state)),
    put: (rows) =>
      inTurn(async () => {
        const changed = new Map(rows.map((row) => [row.id, row]));
        const kept = state.table.rows().filter((row) => !changed.has(row.id));
        // Before the first answer of the store these rows are not all there is: read them all.
        if (state.table.known()) apply(state, [...kept, ...rows]);
        state.version = undefined;
        if (state.table.known()) await trySave(state);
      }),
    async revoke(rows) {
      for (const row of rows) state.pending.set(row.id, state.clock.now());
      apply(state, state.table.rows());
      return await inTurn(() => makeDurable(state));
    },
    onGone: (listener) => void state.listeners.push(listener),
    status: () => ({
      source: state.source,
      keys: state.table.rows().filter((row) => isLive(row, state.clock.now())).length,
      refreshedMs: state.refreshedMs,
      error: state.error,
    }),
    async close() {
      ticker.stop();
      state.cancelExpiry();
      await inTurn(() => saveIfNeeded(state));
    },
  };
}

/** One after another: a slow refresh must not undo a change that was made meanwhile. */
function turns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}

function repeat(state: State, work: () => Promise<void>) {
  let cancel = () => {};
  let stopped = false;
  const next = () => {
    if (!stopped) cancel = state.clock.after(state.refreshMs, tick);
  };
  const tick = () => {
    void work()
      .catch((thrown) => noteFailure(state, thrown))
      .then(next);
  };
  return {
    start: next,
    stop() {
      stopped = true;
      cancel();
    },
  };
}

async function refresh(state: State): Promise<void> {
  await pushPending(state);
  const version = await state.store.keysVersion();
  if (version !== state.version || state.source !== "store") {
    apply(state, await state.store.keys());
    state.version = version;
    state.unsaved = true;
  }
  if (state.source !== "store") state.log.info("Keys are those of the store");
  state.source = "store";
  state.refreshedMs = state.clock.now();
  state.error = undefined;
  await saveIfNeeded(state);
}

/** An outage changes nothing about who is let in, it is only said (F11). */
function noteFailure(state: State, thrown: unknown): void {
  const error = asFault(thrown, "Cannot refresh the keys");
  const text = causeText(error);
  if (state.error === undefined || state.source === "none") {
    state.log.warn("Cannot refresh the keys", { source: state.source, error: text });
  }
  // Without keys the reason why the snapshot is refused says more than the store's.
  if (state.source !== "none" || state.error === undefined) state.error = text;
}

function apply(state: State, rows: readonly KeyRow[]): void {
  const overlaid = rows.map((row) => {
    const atMs = state.pending.get(row.id);
    return atMs === undefined || row.revokedMs !== null ? row : { ...row, revokedMs: atMs };
  });
  state.table.set(overlaid);
  announce(state);
}

/** Tells who is gone, now and when the next key expires. */
function announce(state: State): void {
  const gone = state.table.takeGone();
  if (gone.length > 0) for (const listener of state.listeners) listener(gone);
  state.cancelExpiry();
  const next = state.table.nextExpiryMs();
  if (next === undefined) return;
  const wait = Math.max(1, Math.min(next - state.clock.now(), longestTimerMs));
  state.cancelExpiry = state.clock.after(wait, () => announce(state));
}

/** setTimeout runs longer times at once. */
const longestTimerMs = 2 ** 31 - 1;

async function pushPending(state: State): Promise<void> {
  for (const [id, atMs] of [...state.pending]) {
    await state.store.revokeKey(id, atMs);
    state.pending.delete(id);
    state.unsaved = true;
  }
}

/** data_dir first: a frozen store takes its whole deadline to say so. */
async function makeDurable(state: State): Promise<{ stored: boolean }> {
  const failure = await trySave(state);
  try {
    await pushPending(state);
    state.version = undefined;
    return { stored: true };
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.code !== "GW_DATABASE") throw thrown;
    noteFailure(state, thrown);
    if (failure !== undefined) throw failure;
    return { stored: false };
  }
}

async function saveIfNeeded(state: State): Promise<void> {
  if (state.unsaved) await trySave(state);
}

/** The reason when it could not be saved; the next refresh tries again. */
async function trySave(state: State): Promise<GatewayError | undefined> {
  const pending = [...state.pending].map(([id, atMs]) => ({ id, atMs }));
  const { place } = state.store;
  const savedMs = state.clock.now();
  try {
    await state.file.save({ place, savedMs, keys: state.table.rows(), pending });
    state.unsaved = false;
    return undefined;
  } catch (thrown) {
    state.unsaved = true;
    const error = asFault(thrown, "Cannot save the key snapshot");
    state.log.error("Cannot save the key snapshot", { error: error.message, cause: error.why });
    return error;
  }
}

async function loadSnapshot(state: State): Promise<void> {
  try {
    const snapshot = await state.file.load();
    if (snapshot === undefined) return;
    if (snapshot.place !== state.store.place) {
      state.log.warn("The key snapshot is of another store", { place: snapshot.place });
      return;
    }
    for (const { id, atMs } of snapshot.pending) state.pending.set(id, atMs);
    apply(state, snapshot.keys);
    state.source = "snapshot";
  } catch (thrown) {
    noteFailure(state, thrown);
  }
}
