/**
 * A Store in memory that behaves like the real ones towards the shipper, and fails on demand.
 * frames: it takes frames, as the embedded store does, and else records, as Postgres does.
 */

import { recordsOf } from "../../src/audit/ship-batch.ts";
import { fault } from "../../src/base/errors.ts";
import type { ChainRecord } from "../../src/receipt/model.ts";
import type { FrameBatch, Store } from "../../src/store/store.ts";

export interface MemoryStore extends Store {
  /** chain → records in order. */
  readonly data: Map<string, ChainRecord[]>;
  /** Set: every ship rejects with GW_DATABASE. */
  down: boolean;
  /** Called before each ship; may wait. */
  before: (() => Promise<void>) | undefined;
  ships: number;
}

export function memoryStore(frames = true): MemoryStore {
  const data = new Map<string, ChainRecord[]>();
  const store: MemoryStore = {
    kind: "sqlite",
    place: "memory",
    data,
    down: false,
    before: undefined,
    ships: 0,
    migrate: async () => {},
    ping: async () => {},
    async ship(records) {
      store.ships += 1;
      await store.before?.();
      if (store.down) throw fault("GW_DATABASE", { message: "The store is down" });
      for (const record of records) take(data, record);
    },
    head: async (chain) => (data.get(chain)?.length ?? 0) - 1,
    chains: async () => [...data.keys()],
    records: async (chain, from, limit) => (data.get(chain) ?? []).slice(from, from + limit),
    inspect: async () => ({
      ends: [...data].flatMap(([chain, records]) => {
        const end = records.at(-1);
        const hash = Buffer.from(end?.hash ?? []).toString("hex");
        return end === undefined ? [] : [{ chain, seq: end.seq, hash }];
      }),
      strays: [],
    }),
    receipts: async () => [],
    keys: async () => [],
    addKey: async () => {},
    replaceKey: async () => {},
    keysVersion: async () => 0,
    saveSessions: async () => 0,
    session: async () => undefined,
    sessionsSince: async () => ({ version: 0, rows: [] }),
    forgetSessions: async () => {},
    warnings: () => [],
    revokeKey: async () => false,
    close: async () => {},
  };
  if (!frames) return store;
  return Object.assign(store, {
    async shipFrames(batch: FrameBatch) {
      // Handed over, as to a thread: whoever uses the buffer after this finds it empty.
      const buffer = structuredClone(batch.buffer, { transfer: [batch.buffer.buffer] });
      await store.ship(recordsOf({ ...batch, buffer }));
      return buffer;
    },
  });
}

function take(data: Map<string, ChainRecord[]>, record: ChainRecord): void {
  let chain = data.get(record.chain);
  if (chain === undefined) {
    chain = [];
    data.set(record.chain, chain);
  }
  const known = chain[record.seq];
  if (known !== undefined) {
    if (Buffer.compare(known.hash, record.hash) === 0) return;
    throw fault("GW_AUDIT_FORK", { message: `Record ${record.seq} is another one in the store` });
  }
  if (record.seq !== chain.length) {
    throw fault("GW_AUDIT_FORK", { message: `Record ${record.seq} leaves a gap in the store` });
  }
  chain.push(record);
}
