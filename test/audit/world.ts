/** A gateway's audit on a simulated disk, with calls that come and go: for the audit tests. */

import type { Audit } from "../../src/audit/audit.ts";
import { openAudit } from "../../src/audit/open.ts";
import { GatewayError } from "../../src/base/errors.ts";
import type { Clock, Random } from "../../src/base/ports.ts";
import { decodeBody } from "../../src/receipt/decode.ts";
import type { ChainRecord, IntentFields, OutcomeFields } from "../../src/receipt/model.ts";
import { verifyRecords } from "../../src/receipt/verify.ts";
import type { MemoryStore } from "../kit/memory-store.ts";
import type { SimDisk } from "../kit/sim-fs.ts";

export interface Acked {
  readonly chain: string;
  readonly seq: number;
  readonly kind: "intent" | "outcome" | "refusal";
  readonly mark: string;
}

export interface SimClock extends Clock {
  /** Lets time pass and runs what is due. */
  pass(ms: number): void;
}

export function simClock(): SimClock {
  let time = 0;
  const due = new Set<{ at: number; run: () => void }>();
  return {
    now: () => 1_800_000_000_000 + Math.floor(time),
    mono: () => time,
    after(ms, run) {
      const task = { at: time + ms, run };
      due.add(task);
      return () => due.delete(task);
    },
    pass(ms) {
      time += ms;
      for (const task of [...due]) {
        if (task.at <= time && due.delete(task)) task.run();
      }
    },
  };
}

export interface Setup {
  readonly disk: SimDisk;
  readonly store: MemoryStore;
  readonly clock: SimClock;
  readonly random: () => number;
  readonly mode?: "strict" | "fast";
  readonly segmentBytes?: number;
  readonly spoolBytesMax?: number;
}

export function start(setup: Setup): Promise<Audit> {
  const { disk, store, clock } = setup;
  return openAudit({
    dir: "/sim/spool",
    mode: setup.mode ?? "strict",
    spoolBytesMax: setup.spoolBytesMax ?? 1024 ** 3,
    segmentBytes: setup.segmentBytes ?? 8192,
    store,
    clock,
    random: randomPort(setup.random),
    sys: { fallocate: () => true },
    build: "test",
    log: () => {},
    fs: disk.mount(),
  });
}

function randomPort(random: () => number): Random {
  return { bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(random() * 256)) };
}

/** One turn of the loop, and a little time. */
export async function turn(clock: SimClock, ms = 1): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  clock.pass(ms);
}

/** Runs turns until the work is done or the disk is off. */
export async function drive<T>(setup: Setup, work: Promise<T>): Promise<T | undefined> {
  let done = false;
  let value: T | undefined;
  let error: unknown;
  work.then(
    (result) => {
      value = result;
      done = true;
    },
    (thrown: unknown) => {
      error = thrown;
      done = true;
    },
  );
  for (let turns = 0; !done; turns += 1) {
    if (turns > 20_000) throw new Error("the work does not end");
    await turn(setup.clock, setup.random() < 0.1 ? 30 : 1);
  }
  if (error !== undefined && !setup.disk.crashed) throw error;
  return value;
}

/** These segments are tiny: they are full before the next one is made. */
export async function admitted<T>(setup: Setup, act: () => T): Promise<T> {
  for (;;) {
    try {
      return act();
    } catch (thrown) {
      const full = thrown instanceof GatewayError && thrown.why.includes("segment is full");
      if (!full || setup.disk.crashed) throw thrown;
      await turn(setup.clock);
    }
  }
}

/** Calls of one client, one after another; what it was told is durable goes to `acked`. */
export async function client(
  setup: Setup,
  audit: Audit,
  calls: number,
  acked: Acked[],
): Promise<void> {
  const { chain } = audit.status();
  for (let at = 0; at < calls; at += 1) {
    const mark = `t${Math.floor(setup.random() * 1e12)}`;
    try {
      if (setup.random() < 0.2) {
        const refused = audit.refusal(refusal(mark));
        await refused.durable;
        acked.push({ chain, seq: refused.seq, kind: "refusal", mark });
        continue;
      }
      const intent = audit.intent(call(mark));
      await intent.durable;
      acked.push({ chain, seq: intent.seq, kind: "intent", mark });
      for (let wait = setup.random() * 4; wait > 1; wait -= 1) await turn(setup.clock);
      const outcome = audit.outcome(end(intent.seq, mark));
      await outcome.durable;
      acked.push({ chain, seq: outcome.seq, kind: "outcome", mark });
    } catch {
      return;
    }
  }
}

/** Throws when the store does not hold every acknowledged record, or does not verify (A11, A12). */
export async function checkStore(store: MemoryStore, acked: readonly Acked[]): Promise<void> {
  const all: ChainRecord[] = [...store.data.values()].flat();
  const report = await verifyRecords(all);
  if (!report.ok) throw new Error(`bad record: ${JSON.stringify(report.bad)}`);
  for (const one of report.chains) {
    if (!one.closed || one.running > 0) throw new Error(`chain left open: ${JSON.stringify(one)}`);
  }
  for (const one of acked) {
    const record = store.data.get(one.chain)?.[one.seq];
    if (record === undefined) throw new Error(`acknowledged, but lost: ${JSON.stringify(one)}`);
    const body = decodeBody(record.body);
    if (!body.ok) throw new Error(body.error);
    const { value } = body;
    const mark =
      value.kind === "outcome"
        ? value.fields.resultHash
        : value.kind === "intent" || value.kind === "refusal"
          ? value.fields.tool
          : "";
    if (record.kind !== one.kind || mark !== one.mark) {
      throw new Error(`acknowledged ${JSON.stringify(one)}, stored ${record.kind} ${mark}`);
    }
  }
}

export function call(tool: string): IntentFields {
  return {
    keyId: "k1",
    keyName: "me",
    session: "",
    client: "test/1",
    era: "legacy",
    method: "tools/call",
    server: "files",
    tool,
    argsHash: "a".repeat(64),
    argsBytes: 10,
    paramsHash: "",
    policyHash: "b".repeat(64),
    effect: "allow",
    rule: "r",
    rules: ["r"],
    definitionHash: "c".repeat(64),
    code: "",
    outcome: "",
    decideUs: 10.5,
  };
}

export function refusal(tool: string): IntentFields {
  return { ...call(tool), effect: "deny", code: "GW_DENIED", outcome: "denied" };
}

export function end(of: number, resultHash = ""): OutcomeFields {
  return { of, outcome: "ok", code: "", resultHash, resultBytes: 5, tookMs: 1.5, serverMs: 1 };
}
