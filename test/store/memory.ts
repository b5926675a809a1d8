/** A store in memory: no deadlines, no disk; it counts calls and can be told to be down. */

import { fault } from "../../src/base/errors.ts";
import { callKinds } from "../../src/base/frame.ts";
import type { ChainRecord } from "../../src/receipt/model.ts";
import { checkBatch, checkNext, checkSame } from "../../src/store/batch.ts";
import { derive } from "../../src/store/derive.ts";
import {
  nameTaken,
  notLive,
  patched,
  readReceiptId,
  splitTool,
  toReceiptRow,
} from "../../src/store/rows.ts";
import type {
  KeyRow,
  ReceiptQuery,
  ReceiptRow,
  SessionChanges,
  Store,
} from "../../src/store/store.ts";

export interface MemoryStore extends Store {
  /** Calls so far, of any method that would touch a database. */
  calls: number;
  /** While true every call rejects with GW_DATABASE. */
  down: boolean;
}

interface StoredKey extends KeyRow {
  replaced: boolean;
}

export function memoryStore(): MemoryStore {
  const chains = new Map<string, ChainRecord[]>();
  const keys = new Map<string, StoredKey>();
  const sessions = new Map<string, SessionChanges["rows"][number]>();
  let version = 0;
  let sessionsVersion = 0;
  const store: MemoryStore = {
    calls: 0,
    down: false,
    kind: "sqlite",
    place: "memory",
    migrate: () => call(() => {}),
    ping: () => call(() => {}),
    ship: (records) => call(() => ship(chains, records)),
    head: (chain) => call(() => chains.get(chain)?.at(-1)?.seq ?? -1),
    chains: () => call(() => [...chains.keys()]),
    records: (chain, fromSeq, limit) =>
      call(() => (chains.get(chain) ?? []).slice(fromSeq, fromSeq + limit)),
    inspect: () => call(() => ({ ends: [...chains.values()].flatMap(endOf), strays: [] })),
    receipts: (query) => call(() => receipts(chains, query)),
    keys: () => call(() => [...keys.values()].map(({ replaced: _, ...row }) => row)),
    addKey: (row) =>
      call(() => {
        const live = [...keys.values()].some(
          (key) =>
            key.name === row.name &&
            key.revokedMs === null &&
            !key.replaced &&
            (key.expiresMs === null || key.expiresMs > row.createdMs),
        );
        if (live) throw nameTaken(row.name);
        keys.set(row.id, { ...row, replaced: false });
        version++;
      }),
    replaceKey: (row, oldId, endsMs) =>
      call(() => {
        const old = keys.get(oldId);
        if (old === undefined || old.name !== row.name || old.replaced || old.revokedMs !== null) {
          throw notLive(oldId);
        }
        const end = Math.min(old.expiresMs ?? Number.MAX_SAFE_INTEGER, endsMs);
        const ended = endsMs <= row.createdMs ? { revokedMs: endsMs } : { expiresMs: end };
        keys.set(oldId, { ...old, ...ended, replaced: true });
        keys.set(row.id, { ...row, replaced: false });
        version++;
      }),
    revokeKey: (id, atMs) =>
      call(() => {
        const key = keys.get(id);
        if (key !== undefined && key.revokedMs === null) {
          keys.set(id, { ...key, revokedMs: atMs });
          version++;
        }
        return key !== undefined;
      }),
    keysVersion: () => call(() => version),
    saveSessions: (changes) =>
      call(() => {
        sessionsVersion++;
        for (const { patch, ...row } of changes) {
          const old = sessions.get(row.digest);
          if (old !== undefined && old.keyId !== row.keyId) continue;
          const endedMs = old?.endedMs ?? row.endedMs;
          const state = patched(old?.state, patch);
          sessions.set(row.digest, { ...row, endedMs, state, version: sessionsVersion });
        }
        return sessionsVersion;
      }),
    session: (digest) => call(() => sessions.get(digest)),
    sessionsSince: (since) =>
      call(() => {
        const all = [...sessions.values()].sort((a, b) => a.version - b.version);
        const rows = since === undefined ? [] : all.filter((row) => row.version > since);
        return { version: rows.at(-1)?.version ?? since ?? sessionsVersion, rows };
      }),
    forgetSessions: (nowMs) =>
      call(() => {
        for (const row of sessions.values()) if (row.endsMs < nowMs) sessions.delete(row.digest);
      }),
    warnings: () => [],
    close: async () => {},
  };
  const call = async <T>(work: () => T): Promise<T> => {
    store.calls++;
    if (store.down) throw fault("GW_DATABASE", { message: "Cannot use the store", cause: "down" });
    return work();
  };
  return store;
}

function ship(chains: Map<string, ChainRecord[]>, records: readonly ChainRecord[]): void {
  checkBatch(records);
  for (const record of records) {
    const chain = chains.get(record.chain) ?? [];
    const last = chain.at(-1);
    if (last !== undefined && record.seq <= last.seq) {
      checkSame(record, chain[record.seq]?.hash);
      continue;
    }
    checkNext(last, record);
    chain.push({ ...record, body: record.body.slice() });
    chains.set(record.chain, chain);
  }
}

function endOf(records: readonly ChainRecord[]) {
  const last = records.at(-1);
  if (last === undefined) return [];
  return [{ chain: last.chain, seq: last.seq, hash: Buffer.from(last.hash).toString("hex") }];
}

function receipts(chains: Map<string, ChainRecord[]>, query: ReceiptQuery): ReceiptRow[] {
  const all = [...chains.values()].flat().map((record) => ({ record, row: derive(record.body) }));
  const id = query.id === undefined ? undefined : readReceiptId(query.id);
  const tool = query.tool === undefined ? undefined : splitTool(query.tool);
  const ends = new Map(
    all.flatMap(({ record: { chain, kind }, row }) =>
      kind === "outcome" ? [[`${chain} ${row.of_seq}`, row] as const] : [],
    ),
  );
  const joined = all
    .filter(({ record }) => callKinds.includes(record.kind))
    .map(({ record: { chain, seq }, row }) => {
      const end = ends.get(`${chain} ${seq}`);
      const outcome = end?.outcome ?? row.outcome;
      const result_bytes = end?.result_bytes ?? row.result_bytes;
      const code = end?.code ?? row.code;
      const took_ms = end?.took_ms ?? row.took_ms;
      return { ...row, chain, seq, outcome, code, result_bytes, took_ms };
    })
    .filter(
      (row) =>
        (query.beforeMs === undefined || (row.at_ms ?? 0) < query.beforeMs) &&
        (query.key === undefined || row.key_name === query.key || row.key_id === query.key) &&
        (tool === undefined || row.tool === tool.tool) &&
        (tool?.server === undefined || row.server === tool.server) &&
        (query.outcome === undefined || row.outcome === query.outcome) &&
        (query.id === undefined ||
          (id !== undefined &&
            row.chain >= id.first &&
            row.chain <= id.last &&
            row.seq === id.seq)),
    );
  joined.sort((a, b) => (b.at_ms ?? -1) - (a.at_ms ?? -1) || b.seq - a.seq);
  return joined.slice(0, query.limit).map(toReceiptRow);
}
