/**
 * The embedded store: node:sqlite in a worker thread, because its calls and their fsync block.
 * Measured on Bun 1.4.5: the thread costs 6 MB more than the same calls on the loop would.
 */

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { causeText, fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { checkBatch, chunks } from "./batch.ts";
import type { Engine, EngineOptions } from "./sqlite-engine.ts";
import { type Answer, type Ask, framesOf, type SentBatch } from "./sqlite-wire.ts";
import type { FrameBatch, FrameBuffer, Store } from "./store.ts";

/**
 * A store in one file (and its -wal and -shm), made with mode 0600 at the first call. Several
 * processes may open it; with `readOnly` nothing is created or changed.
 */
export function sqliteStore(options: { path: string; readOnly?: boolean }): Store {
  const thread = openThread({ path: options.path, readOnly: options.readOnly ?? false });
  return {
    kind: "sqlite",
    place: options.path,
    migrate: () => thread.ask("migrate", [], limits.migrateMs),
    ping: () => thread.ask("ping", []),
    async ship(records) {
      checkBatch(records);
      for (const chunk of chunks(records)) await thread.ship(framesOf(chunk));
    },
    shipFrames: (batch) => thread.ship(batch),
    head: (chain) => thread.ask("head", [chain]),
    chains: () => thread.ask("chains", []),
    records: (chain, fromSeq, limit) => thread.ask("records", [chain, fromSeq, limit]),
    inspect: () => thread.ask("inspect", []),
    receipts: (query) => thread.ask("receipts", [query]),
    keys: () => thread.ask("keys", []),
    addKey: (row) => thread.ask("addKey", [row]),
    replaceKey: (row, oldId, endsMs) => thread.ask("replaceKey", [row, oldId, endsMs]),
    revokeKey: (id, atMs) => thread.ask("revokeKey", [id, atMs]),
    keysVersion: () => thread.ask("keysVersion", []),
    saveSessions: (rows) => thread.ask("saveSessions", [rows]),
    session: (digest) => thread.ask("session", [digest]),
    sessionsSince: (version) => thread.ask("sessionsSince", [version]),
    forgetSessions: (nowMs) => thread.ask("forgetSessions", [nowMs]),
    warnings: () => [],
    close: () => thread.close(),
  };
}

type Call = Exclude<keyof Engine, "ship">;

interface Thread {
  ask<C extends Call>(
    call: C,
    values: Parameters<Engine[C]>,
    ms?: number,
  ): Promise<ReturnType<Engine[C]>>;
  /** Gives the batch's memory back. */
  ship(batch: FrameBatch): Promise<FrameBuffer>;
  close(): Promise<void>;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: GatewayError): void;
}

function openThread(options: EngineOptions): Thread {
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let worker: Promise<Worker> | undefined;
  const carrier = createCarrier();
  const failed = (cause: string) =>
    fault("GW_DATABASE", { message: `Cannot use the embedded store "${options.path}"`, cause });

  const died = (cause: string) => {
    worker = undefined;
    carrier.lost();
    for (const entry of waiting.values()) entry.reject(failed(cause));
    waiting.clear();
  };
  const start = async (): Promise<Worker> => {
    const started = await startWorker(options);
    started.on("message", (answer: Answer) => {
      const entry = waiting.get(answer.id);
      waiting.delete(answer.id);
      carrier.answered(answer.id);
      // The thread keeps the process alive only while somebody waits for it.
      if (waiting.size === 0) started.unref();
      if (answer.fault === undefined) entry?.resolve(answer.value);
      else entry?.reject(fault(answer.fault.code, answer.fault));
    });
    started.on("error", (error) => died(causeText(error)));
    started.on("exit", () => died("its thread has ended"));
    started.unref();
    return started;
  };

  const send = async (call: Ask["call"], values: Values, ms: number): Promise<unknown> => {
    worker ??= start();
    const target = await worker.catch((thrown) => {
      worker = undefined;
      throw failed(causeText(thrown));
    });
    const id = nextId++;
    return await new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        waiting.delete(id);
        reject(failed(`no answer within ${ms} ms`));
      }, ms);
      const done = <T>(settle: (value: T) => void) => {
        return (value: T) => {
          clearTimeout(late);
          settle(value);
        };
      };
      waiting.set(id, { resolve: done(resolve), reject: done(reject) });
      target.ref();
      target.postMessage({ id, call, values: typeof values === "function" ? values(id) : values });
    });
  };

  return {
    ask: async <C extends Call>(call: C, values: Parameters<Engine[C]>, ms = limits.queryMs) =>
      (await send(call, values, ms)) as ReturnType<Engine[C]>,
    ship: async (batch) => {
      await send("ship", (id) => [carrier.pack(batch, id)], limits.shipDeadlineMs);
      return batch.buffer;
    },
    async close() {
      if (worker === undefined) return;
      const target = await worker;
      await send("close", [], limits.queryMs).catch(() => undefined);
      worker = undefined;
      await target.terminate();
    },
  };
}

type Values = Ask["values"] | ((id: number) => Ask["values"]);

/** Brings batches to the thread in memory that both have; made with the first. */
function createCarrier() {
  let memory: Uint8Array | undefined;
  /** The thread has it, too. */
  let known = false;
  /** The request that it is in use for; one that nobody waits for any more may still be read. */
  let user: number | undefined;
  return {
    pack(batch: FrameBatch, id: number): SentBatch {
      const { length } = batch;
      const bytes = batch.buffer.subarray(0, length);
      if (user !== undefined || length > limits.shipBatchBytes) {
        return { ...batch, buffer: bytes.slice(), kept: false };
      }
      user = id;
      memory ??= new Uint8Array(new SharedArrayBuffer(limits.shipBatchBytes));
      memory.set(bytes);
      const sent = { ...batch, buffer: known ? undefined : memory, kept: !known };
      known = true;
      return sent;
    },
    answered(id: number) {
      if (id === user) user = undefined;
    },
    lost() {
      known = false;
      user = undefined;
    },
  };
}

/** Beside this file in the source; by its path below src in a compiled binary (build.ts). */
const workerFiles = ["./sqlite-worker.ts", "./store/sqlite-worker.ts"] as const;

/** Bun's: a smaller heap. Elsewhere it means nothing. */
const small = { smol: true };

async function startWorker(options: EngineOptions): Promise<Worker> {
  let last: unknown;
  for (const file of workerFiles) {
    try {
      const worker = new Worker(new URL(file, import.meta.url), { workerData: options, ...small });
      // Rejects on "error", which is how a missing file shows.
      await once(worker, "message");
      return worker;
    } catch (thrown) {
      last = thrown;
    }
  }
  throw last;
}
