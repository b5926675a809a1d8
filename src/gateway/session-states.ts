/**
 * What the store keeps of legacy sessions. Changes are queued and written together; those of other
 * gateways on the same store are looked for as often as those of keys. Nothing waits for it but the
 * first request of a session that this process does not know.
 */

import { asFault, causeText } from "../base/errors.ts";
import { isObject, type JsonObject } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/ports.ts";
import type { SessionState, SessionStates } from "../front/ports.ts";
import type { SessionChange, SessionRow, Store } from "../store/store.ts";

export interface OpenSessionStates extends SessionStates {
  /** Writes what waits, within one deadline of the store. */
  close(): Promise<void>;
}

export interface SessionStatesOptions {
  readonly store: Pick<
    Store,
    "kind" | "saveSessions" | "session" | "sessionsSince" | "forgetSessions"
  >;
  readonly clock: Clock;
  readonly log: Pick<Log, "warn" | "info">;
  /** limits.keyRefreshMs, but for tests. */
  readonly refreshMs: number;
}

interface State extends SessionStatesOptions {
  /** By digest, until the store has them. */
  readonly pending: Map<string, SessionChange>;
  readonly listeners: Set<(state: SessionState) => void>;
  /** Sessions of each key that were written within the hour. */
  readonly written: Map<string, Set<string>>;
  writtenSince: number;
  version: number | undefined;
  forgotAt: number;
  /** Monotonic ms of the last failure, while it lasts. */
  failedAt: number | undefined;
  cancel: () => void;
  closed: boolean;
  /** One use of the store after the other: no read may be older than a write it overlaps. */
  turn: Promise<unknown>;
}

export function openSessionStates(options: SessionStatesOptions): OpenSessionStates {
  const state: State = {
    ...options,
    ...{ pending: new Map(), listeners: new Set(), written: new Map() },
    ...{ writtenSince: options.clock.mono(), forgotAt: options.clock.mono() },
    ...{ version: undefined, failedAt: undefined, closed: false },
    ...{ turn: Promise.resolve(), cancel: () => {} },
  };
  schedule(state, 0);
  return {
    read: (digest) => read(state, digest),
    write: (change) => write(state, change),
    onChange(listener) {
      state.listeners.add(listener);
      return () => state.listeners.delete(listener);
    },
    async close() {
      state.closed = true;
      state.cancel();
      await state.turn;
      await inTurn(state, save);
    },
  };
}

async function read(state: State, digest: string): Promise<SessionState | undefined | "away"> {
  const waiting = state.pending.get(digest);
  const { clock, failedAt } = state;
  // A frozen store takes its whole deadline to say so: one of us asks, the others go on.
  if (failedAt !== undefined && clock.mono() - failedAt < limits.sessionReadMs) return "away";
  const late = Symbol("late");
  let cancel = () => {};
  const limit = new Promise<typeof late>((resolve) => {
    cancel = clock.after(limits.sessionReadMs, () => resolve(late));
  });
  try {
    const row = await Promise.race([state.store.session(digest), limit]);
    if (row === late) throw new Error(`no answer in ${limits.sessionReadMs} ms`);
    const found = row === undefined ? emptyRow(waiting) : row;
    return found === undefined ? undefined : stateOf(found, waiting);
  } catch (thrown) {
    failed(state, thrown);
    return "away";
  } finally {
    cancel();
  }
}

function emptyRow(change: SessionChange | undefined): SessionRow | undefined {
  return change === undefined ? undefined : { ...change, state: "{}" };
}

/** A row with what is not written yet laid over it. */
function stateOf(row: SessionRow, waiting: SessionChange | undefined): SessionState {
  const { digest, keyId, endsMs } = row;
  const ended = row.endedMs !== null || (waiting?.endedMs ?? null) !== null;
  const state: Record<string, JsonObject[string]> = { ...parsed(row.state) };
  for (const [key, value] of Object.entries(waiting?.patch ?? {})) {
    if (value === null) delete state[key];
    else state[key] = value;
  }
  return { digest, keyId, endsMs, ended, state };
}

function parsed(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  return isObject(value) ? value : {};
}

function write(state: State, change: Parameters<SessionStates["write"]>[0]): void {
  const { digest, keyId, endsMs, ended, patch } = change;
  if (!mayWrite(state, keyId, digest)) return;
  const before = state.pending.get(digest);
  const endedMs = before?.endedMs ?? (ended ? state.clock.now() : null);
  const merged = { ...before?.patch, ...patch };
  state.pending.set(digest, { digest, keyId, endsMs, endedMs, patch: merged });
  if (state.failedAt === undefined) schedule(state, limits.sessionWriteMs);
}

/** R16: one key fills neither the queue nor the table; what is over is not kept. */
function mayWrite(state: State, keyId: string, digest: string): boolean {
  const now = state.clock.mono();
  if (now - state.writtenSince > hourMs) {
    state.written.clear();
    state.writtenSince = now;
  }
  const own = state.written.get(keyId) ?? new Set();
  const known = own.has(digest);
  if (!known && own.size >= limits.sessionRowsPerKey) return false;
  if (!state.pending.has(digest) && state.pending.size >= limits.sessionChanges) return false;
  state.written.set(keyId, own.add(digest));
  return true;
}

const hourMs = 60 * 60_000;

function schedule(state: State, ms: number): void {
  state.cancel();
  if (state.closed) return;
  state.cancel = state.clock.after(ms, () => {
    void inTurn(state, look).then(() => schedule(state, next(state)));
  });
}

/** The embedded store has no other gateway: it is looked at when there is something to write. */
function next(state: State): number {
  const alone = state.store.kind === "sqlite" && state.pending.size === 0;
  return alone ? limits.sessionForgetMs : state.refreshMs;
}

function inTurn(state: State, work: (state: State) => Promise<void>): Promise<void> {
  const done = state.turn.then(() => work(state)).catch((thrown) => failed(state, thrown));
  state.turn = done;
  return done;
}

async function look(state: State): Promise<void> {
  await save(state);
  const { store, clock } = state;
  if (store.kind === "postgres") await follow(state);
  if (clock.mono() - state.forgotAt >= limits.sessionForgetMs) {
    await store.forgetSessions(clock.now());
    state.forgotAt = clock.mono();
  }
  if (state.failedAt !== undefined) state.log.info("Sessions are kept in the store again");
  state.failedAt = undefined;
}

async function save(state: State): Promise<void> {
  const batch = [...state.pending].slice(0, limits.storeTransaction);
  if (batch.length === 0) return;
  await state.store.saveSessions(batch.map(([, change]) => change));
  for (const [digest, change] of batch) {
    // What changed meanwhile is laid over it once more.
    if (state.pending.get(digest) === change) state.pending.delete(digest);
  }
}

async function follow(state: State): Promise<void> {
  const { version, rows } = await state.store.sessionsSince(state.version);
  state.version = version;
  for (const row of rows) {
    // One's own come back too: they may have been laid over another gateway's.
    const told = stateOf(row, state.pending.get(row.digest));
    for (const listener of state.listeners) listener(told);
  }
}

function failed(state: State, thrown: unknown): void {
  const error = causeText(asFault(thrown, "Cannot keep sessions in the store"));
  if (state.failedAt === undefined) {
    state.log.warn("Sessions are not kept in the store", { error });
  }
  state.failedAt = state.clock.mono();
}
