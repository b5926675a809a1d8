import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Audit } from "../../src/audit/audit.ts";
import { openAudit } from "../../src/audit/open.ts";
import { readSpool } from "../../src/audit/read.ts";
import { GatewayError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { systemClock, systemRandom } from "../../src/base/system.ts";
import { verifyRecords } from "../../src/receipt/verify.ts";
import { type MemoryStore, memoryStore } from "../kit/memory-store.ts";
import { call, checkStore, end, refusal } from "./world.ts";

let base = "";
beforeAll(() => {
  base = fs.mkdtempSync(join(tmpdir(), "spool-test-"));
});
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));

function open(name: string, store: MemoryStore, mode: "strict" | "fast"): Promise<Audit> {
  return openAudit({
    dir: join(base, name),
    mode,
    spoolBytesMax: 64 * 1024 * 1024,
    // Fast fills half a MiB before the disk has made the next one.
    segmentBytes: mode === "fast" ? 4 * 1024 * 1024 : 512 * 1024,
    store,
    clock: systemClock,
    random: systemRandom,

    sys: { fallocate: () => false },
    build: "test",
    log: () => {},
  });
}

async function calls(audit: Audit, clients: number, each: number): Promise<void> {
  const client = async (): Promise<void> => {
    for (let at = 0; at < each; at += 1) {
      const intent = await admitted(() => audit.intent(call(`tool ${at}`)));
      await intent.durable;
      await new Promise((resolve) => setImmediate(resolve));
      await audit.outcome(end(intent.seq)).durable;
      if (at % 10 === 0) await (await admitted(() => audit.refusal(refusal("no")))).durable;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}

/** These segments are small: on a busy machine they are full before the next one is made. */
async function admitted<T>(act: () => T): Promise<T> {
  for (const end = performance.now() + 20_000; ; await Bun.sleep(5)) {
    try {
      return act();
    } catch (thrown) {
      const full = thrown instanceof GatewayError && thrown.why.includes("segment is full");
      if (!full || performance.now() > end) throw thrown;
    }
  }
}

describe.each(["strict", "fast"] as const)("on the real disk, %s", (mode) => {
  test("records arrive in the store, the spool is empty afterwards", async () => {
    const store = memoryStore();
    const audit = await open(`ship-${mode}`, store, mode);
    await calls(audit, 8, 50);
    await audit.close(3000);
    await checkStore(store, []);
    expect(fs.readdirSync(join(base, `ship-${mode}`))).toEqual(["ledger.json"]);
    expect(audit.status().spoolRecords).toBe(0);
  });

  test("what a live gateway writes while its spool is read leaves no gap", async () => {
    const store = memoryStore();
    store.down = true;
    const audit = await open(`gap-${mode}`, store, mode);
    await calls(audit, 1, 3);
    if (mode === "fast") await Bun.sleep(100);
    const files = () => fs.readdirSync(join(base, `gap-${mode}`)).length;
    for (let tries = 0; tries < 200 && files() < 2; tries += 1) await Bun.sleep(10);
    const seqs: number[] = [];
    for await (const record of readSpool(join(base, `gap-${mode}`))) {
      seqs.push(record.seq);
      if (seqs.length > 1) continue;
      // The segment that is read fills up, and the next one, then only reserved, begins.
      await calls(audit, 4, mode === "fast" ? 1500 : 300);
      if (mode === "fast") await Bun.sleep(100);
    }
    expect(seqs).toEqual(seqs.map((_, at) => at));
    expect(audit.status().nextSeq).toBe(seqs.length);
    await audit.close(10);
  });

  test("a live gateway's spool reads well from outside, and goes on after a dead one", async () => {
    const store = memoryStore();
    store.down = true;
    const dir = join(base, `live-${mode}`);
    const first = await open(`live-${mode}`, store, mode);
    const running = first.intent(call("waits"));
    await running.durable;
    await calls(first, 4, 20);
    // Mode fast writes every 25 ms.
    if (mode === "fast") await Bun.sleep(100);
    const live = await verifyRecords(readSpool(dir));
    // open, the one that waits, 8 refusals; a call of mode fast is over when it is written.
    const records = 1 + 1 + 8 + 80 * (mode === "fast" ? 1 : 2);
    expect(live).toMatchObject({ ok: true, records, bad: undefined });
    expect(live.chains[0]).toMatchObject({ running: 1, closed: false, intents: 81, outcomes: 80 });
    await first.close(10);

    const second = await open(`live-${mode}`, store, mode);
    await calls(second, 4, 20);
    const both = await verifyRecords(readSpool(dir));
    expect(both.ok).toBe(true);
    expect(both.chains.map((one) => one.closed)).toEqual([true, false]);
    store.down = false;
    await second.close(5000);
    await checkStore(store, []);
  });

  test("what is too much for memory while the store is down arrives from the disk", async () => {
    for (const frames of [true, false]) {
      const store = memoryStore(frames);
      store.down = true;
      const audit = await open(`much-${mode}-${frames}`, store, mode);
      while (audit.status().spoolBytes < limits.shipQueueBytes + 4 * 1024 * 1024) {
        // Many at once wait for the same disk: mode strict has one wait of them all.
        await calls(audit, 500, 4);
      }
      const records = audit.status().nextSeq;
      store.down = false;
      // Some come while it catches up: these are in memory again.
      for (let at = 0; at < 20; at += 1) {
        await calls(audit, 10, 5);
        await Bun.sleep(20);
      }
      await audit.close(5000);
      await checkStore(store, []);
      expect(store.data.get(audit.status().chain)?.length).toBeGreaterThan(records + 1000);
      expect(audit.status().spoolRecords).toBe(0);
    }
  }, 60_000);

  test("no descriptor stays open", async () => {
    const before = fs.readdirSync("/proc/self/fd").length;
    for (let at = 0; at < 3; at += 1) {
      const audit = await open(`fd-${mode}`, memoryStore(), mode);
      await calls(audit, 4, 200);
      await audit.close(3000);
    }
    expect(fs.readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before);
  });
});
