/**
 * What receipts cost: CPU µs per record and latency of one durable record, beside the disk's own
 * fdatasync. Run: `bun test/audit/spool.bench.ts [folder on the disk to measure]`.
 */

import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Audit } from "../../src/audit/audit.ts";
import { openAudit } from "../../src/audit/open.ts";
import { systemClock, systemRandom } from "../../src/base/system.ts";
import type { IntentFields } from "../../src/receipt/model.ts";
import { memoryStore } from "../kit/memory-store.ts";

function disk(): { p50: number; p99: number } {
  const fd = fs.openSync(join(base, "raw"), "w");
  fs.writeSync(fd, new Uint8Array(1024 * 1024));
  fs.fsyncSync(fd);
  const times: number[] = [];
  for (let at = 0; at < 1000; at += 1) {
    fs.writeSync(fd, new Uint8Array(560), 0, 560, at * 560);
    const begun = performance.now();
    fs.fdatasyncSync(fd);
    times.push(performance.now() - begun);
  }
  fs.closeSync(fd);
  return quantiles(times);
}

/** busyUs: what the rest of a call costs, so that the loop is as full as a real gateway's. */
async function measure(mode: "strict" | "fast", clients: number, busyUs: number): Promise<void> {
  const audit = await openAudit({
    dir: join(base, `${mode}-${clients}-${busyUs}`),
    mode,
    spoolBytesMax: 1024 ** 3,
    // Takes all at once: what the store itself costs is measured elsewhere.
    store: { ...memoryStore(), shipFrames: async (batch) => batch.buffer },
    clock: systemClock,
    random: systemRandom,
    sys: { fallocate: () => false },
    build: "bench",
    log: () => {},
  });
  await load(audit, clients, busyUs, 300);
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const times = await load(audit, clients, busyUs, seconds * 1000);
  const used = process.cpuUsage(cpu);
  const ms = performance.now() - begun;
  const calls = times.length;
  const perCall = (used.user + used.system) / calls - busyUs;
  const { p50, p99 } = quantiles(times);
  console.log(
    `${mode.padEnd(6)} ${String(clients).padStart(2)} clients ` +
      `${String(busyUs).padStart(2)} µs busy ` +
      `${((calls / ms) * 2000).toFixed(0).padStart(7)} records/s ` +
      `${(perCall / 2).toFixed(1).padStart(6)} CPU µs/record  ` +
      `p50 ${(p50 / 2).toFixed(3)} ms  p99 ${(p99 / 2).toFixed(3)} ms per record`,
  );
  await audit.close(2000);
}

async function load(audit: Audit, clients: number, busyUs: number, ms: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + ms;
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      spin(busyUs * 0.6);
      const begun = performance.now();
      const intent = audit.intent(fields);
      if (intent.durable !== undefined) await intent.durable;
      const between = performance.now();
      await new Promise((resolve) => setImmediate(resolve));
      spin(busyUs * 0.4);
      const answered = performance.now();
      const outcome = audit.outcome({ ...ended, of: intent.seq });
      if (outcome.durable !== undefined) await outcome.durable;
      times.push(between - begun + (performance.now() - answered));
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return times;
}

function spin(us: number): void {
  if (us === 0) return;
  const end = performance.now() + us / 1000;
  while (performance.now() < end);
}

function quantiles(times: number[]): { p50: number; p99: number } {
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

const fields: IntentFields = {
  keyId: "k_0123456789ab",
  keyName: "my-agent",
  session: "0123456789abcdef",
  client: "bench/1.0.0",
  era: "legacy",
  method: "tools/call",
  server: "files",
  tool: "read_note",
  argsHash: "a".repeat(64),
  argsBytes: 200,
  paramsHash: "",
  policyHash: "b".repeat(64),
  effect: "allow",
  rule: "read",
  rules: ["read"],
  definitionHash: "c".repeat(64),
  code: "",
  outcome: "",
  decideUs: 12.5,
};
const ended = {
  outcome: "ok",
  code: "",
  resultHash: "d".repeat(64),
  resultBytes: 321,
  tookMs: 1.234,
  serverMs: 1.1,
} as const;

// A gateway has listeners: without any, Bun polls for the clock's timers instead of sleeping.
setInterval(() => {}, 1_000_000);
const base = fs.mkdtempSync(join(process.argv[2] ?? tmpdir(), "spool-bench-"));
const seconds = Number(process.argv[3] ?? 2);
try {
  const raw = disk();
  console.log(
    `disk   fdatasync of 560 B      p50 ${raw.p50.toFixed(3)} ms  p99 ${raw.p99.toFixed(3)} ms`,
  );
  for (const mode of ["strict", "fast"] as const) {
    for (const busyUs of [20, 70])
      for (const clients of [1, 32]) await measure(mode, clients, busyUs);
  }
} finally {
  fs.rmSync(base, { recursive: true, force: true });
}
process.exit(0);
