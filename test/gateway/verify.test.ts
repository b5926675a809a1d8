import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAudit } from "../../src/audit/open.ts";
import { fault } from "../../src/base/errors.ts";
import { createLog } from "../../src/base/log.ts";
import { systemClock, systemRandom } from "../../src/base/system.ts";
import { readReceipt, readReceipts } from "../../src/gateway/receipts.ts";
import { verifyReceipts } from "../../src/gateway/verify.ts";
import { openBody } from "../../src/receipt/encode.ts";
import { type MemoryStore, memoryStore } from "../kit/memory-store.ts";
import { buildChain, intentFields, outcomeFields } from "../kit/records.ts";

const log = createLog({ level: "error" });

type Mode = "strict" | "fast";

async function audited(store: MemoryStore, dir: string, mode: Mode = "strict") {
  return await openAudit({
    dir,
    mode,
    spoolBytesMax: 64 * 1024 * 1024,
    store,
    clock: systemClock,
    random: systemRandom,
    sys: { fallocate: () => false },
    build: "test",
    segmentBytes: 64 * 1024,
    log: (level, message, fields) => log[level](message, { ...fields }),
  });
}

/** A closed chain of two calls and a refusal in the spool, of which the store has what it got. */
async function world<T>(
  storeDown: boolean,
  run: (store: MemoryStore, dir: string, ids: readonly string[]) => Promise<T>,
  mode: Mode = "strict",
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "verify-"));
  const store = memoryStore();
  store.down = storeDown;
  try {
    const audit = await audited(store, dir, mode);
    const first = audit.intent(intentFields());
    await audit.outcome(outcomeFields(first.seq)).durable;
    const refused = audit.refusal(intentFields({ effect: "deny", outcome: "denied", tool: "rm" }));
    const second = audit.intent(intentFields({ keyName: "other" }));
    const late = { outcome: "timeout", code: "GW_TIMEOUT" } as const;
    await audit.outcome(outcomeFields(second.seq, late)).durable;
    await audit.close(storeDown ? 1 : 1000);
    return await run(store, dir, [first.id, refused.id, second.id]);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe("verifyReceipts", () => {
  for (const storeDown of [true, false]) {
    test(`what is ${storeDown ? "only in the spool" : "shipped"} verifies as a whole`, async () => {
      await world(storeDown, async (store, dir) => {
        const report = await verifyReceipts(store, dir, []);
        expect(report).toMatchObject({ ok: true, missing: [], records: 7 });
        expect(report.chains[0]).toMatchObject({ intents: 2, refusals: 1, closed: true });
      });
    });
  }

  test("what is in spool and store is compared by pages, not record by record", async () => {
    await world(true, async (store, dir) => {
      store.down = false;
      const audit = await audited(store, join(dir, "many"));
      for (let at = 0; at < 60; at += 1) {
        const { seq } = audit.intent(intentFields());
        await audit.outcome(outcomeFields(seq)).durable;
      }
      // Not closed: what was shipped is in the spool, too.
      for (let turn = 0; turn < 200 && audit.status().spoolRecords > 0; turn += 1) {
        await Bun.sleep(10);
      }
      let reads = 0;
      const counting = {
        ...store,
        records: (...asked: Parameters<typeof store.records>) => {
          reads += 1;
          return store.records(...asked);
        },
      };
      const report = await verifyReceipts(counting, join(dir, "many"), [], () => true);
      expect(report).toMatchObject({ ok: true, records: 121 });
      expect(reads).toBeLessThan(10);
      // A16: what is compared says something else than what was walked first.
      reads = 0;
      const bad = {
        ...store,
        async records(...asked: Parameters<typeof store.records>) {
          const found = await store.records(...asked);
          if (reads++ === 0) return found;
          return found.map((one) => (one.seq === 77 ? { ...one, hash: new Uint8Array(32) } : one));
        },
      };
      const other = await verifyReceipts(bad, join(dir, "many"), [], () => true);
      expect(other.bad).toMatchObject({ seq: 77, why: "spool and store hold different records" });
      await audit.close(1000);
    });
  });

  test("a record that is in spool and store counts once, and a part of a chain is joined", async () => {
    await world(true, async (store, dir) => {
      store.down = false;
      const all = await audited(store, join(dir, "other"));
      await all.close(1000);
      store.data.clear();
      const spool: Parameters<MemoryStore["ship"]>[0][number][] = [];
      const { readSpool } = await import("../../src/audit/read.ts");
      for await (const record of readSpool(dir)) spool.push(record);
      await store.ship(spool.slice(0, 3));
      expect(await verifyReceipts(store, dir, [])).toMatchObject({ ok: true, records: 7 });
      // A16: the store says one thing, the spool another.
      const chain = store.data.get(spool[0]!.chain)!;
      chain[2] = { ...chain[2]!, hash: new Uint8Array(32) };
      const report = await verifyReceipts(store, dir, []);
      expect(report).toMatchObject({ ok: false, bad: { seq: 2 } });
    });
  });

  test("one changed byte is found and its record named", async () => {
    await world(true, async (_, dir) => {
      const name = readdirSync(dir).find((one) =>
        readFileSync(join(dir, one)).includes('"tool":"rm"'),
      );
      const file = join(dir, name!);
      const bytes = readFileSync(file);
      bytes[bytes.indexOf('"tool":"rm"') + 9]! ^= 1;
      writeFileSync(file, bytes);
      const report = await verifyReceipts(undefined, dir, []);
      expect(report.ok).toBe(false);
      expect(report.bad?.seq).toBe(3);
    });
  });

  test("a store that does not answer makes it incomplete, not bad", async () => {
    await world(true, async (store, dir) => {
      store.ping = async () => {
        throw fault("GW_DATABASE", { message: "Cannot reach it", cause: "refused" });
      };
      const report = await verifyReceipts(store, dir, []);
      expect(report.ok).toBe(true);
      expect(report.missing.join()).toContain("refused");
    });
  });

  test("a chain whose predecessor is gone makes it incomplete", async () => {
    const store = memoryStore();
    const before = { prevChain: crypto.randomUUID(), prevSeq: 4, prevHead: "00".repeat(32) };
    const builder = buildChain();
    builder.add("open", openBody({ build: "t", dir: "d", ...before }, 1));
    await store.ship(builder.records);
    const report = await verifyReceipts(store, "/nowhere", []);
    expect([report.ok, report.missing.length]).toEqual([true, 2]);
    expect(report.missing[0]).toContain(before.prevChain);
    expect(report.missing[1]).toContain("ledger.json");
  });

  test("A15 bytes behind the last record that do not check are told, unless a gateway lives", async () => {
    await world(true, async (_, dir) => {
      const names = readdirSync(dir).filter((one) => one.endsWith(".seg"));
      const file = join(dir, names.sort().at(-1)!);
      const bytes = readFileSync(file);
      const whole = await verifyReceipts(undefined, dir, []);
      expect(whole).toMatchObject({ ok: true, missing: [], records: 7, tailBytes: 0 });
      // As after a kill: the last record changed, and the next segment reserved behind it.
      bytes[bytes.lastIndexOf('"kind":"close"') + 10]! ^= 1;
      writeFileSync(file, bytes);
      const reserved = join(
        dir,
        `${String(Number(names.at(-1)!.slice(0, 10)) + 1).padStart(10, "0")}.seg`,
      );
      writeFileSync(reserved, new Uint8Array(4096));
      const torn = await verifyReceipts(undefined, dir, []);
      expect([torn.ok, torn.records]).toEqual([true, 6]);
      expect(torn.tailBytes).toBeGreaterThan(80);
      expect(torn.missing).toEqual([
        `${torn.tailBytes} bytes at the end of the spool do not check: ` +
          "written but never acknowledged, or changed",
      ]);
      expect((await verifyReceipts(undefined, dir, [], () => true)).missing).toEqual([]);
    });
  });

  test("a record taken out of the store is named", async () => {
    await world(false, async (store) => {
      const [chain] = [...store.data.values()];
      chain!.splice(2, 1);
      const report = await verifyReceipts(store, "/nowhere", []);
      expect(report.bad).toMatchObject({ seq: 3, why: expect.stringContaining("expected seq 2") });
    });
  });
});

describe("readReceipts", () => {
  test("mode fast: a call of one record is listed, shown and counted as one of two", async () => {
    const seen = async (mode: Mode, storeDown: boolean) =>
      await world(
        storeDown,
        async (store, dir, ids) => {
          const spoolDir = storeDown ? dir : "/nowhere";
          const rows = await readReceipts({ store, spoolDir }, { limit: 10 });
          const shown = await Promise.all(ids.map((id) => readReceipt({ store, spoolDir }, id)));
          const { chains } = await verifyReceipts(store, dir, []);
          const { intents, outcomes, refusals, running } = chains[0]!;
          return {
            kinds: shown.map((one) => one?.records.map(({ kind }) => kind)),
            rows: rows.map(({ id: _, seq: __, time: ___, ...row }) => row),
            counts: { intents, outcomes, refusals, running },
          };
        },
        mode,
      );
    for (const storeDown of [true, false]) {
      const [two, one] = [await seen("strict", storeDown), await seen("fast", storeDown)];
      expect(two.kinds).toEqual([["intent", "outcome"], ["refusal"], ["intent", "outcome"]]);
      expect(one).toEqual({ ...two, kinds: [["call"], ["refusal"], ["call"]] });
      expect(one.rows.length).toBe(storeDown ? 3 : 0);
    }
  });

  test("the spool's calls are listed before they are shipped", async () => {
    await world(true, async (store, dir, ids) => {
      const sources = { store, spoolDir: dir };
      const rows = await readReceipts(sources, { limit: 10 });
      expect(rows.map((row) => [row.id, row.outcome])).toEqual([
        [ids[2]!, "timeout"],
        [ids[1]!, "denied"],
        [ids[0]!, "ok"],
      ]);
      const newest = { tool: "files/read_file", key: "other", took_ms: 4.25, code: "GW_TIMEOUT" };
      expect(rows[0]).toMatchObject(newest);
      expect((await readReceipts(sources, { limit: 1 })).length).toBe(1);
      const only = async (query: object) =>
        (await readReceipts(sources, { limit: 10, ...query })).map((row) => row.id);
      expect(await only({ outcome: "denied" })).toEqual([ids[1]!]);
      expect(await only({ key: "other" })).toEqual([ids[2]!]);
      expect(await only({ tool: "files/rm" })).toEqual([ids[1]!]);
      expect(await only({ beforeMs: 1 })).toEqual([]);
      expect(await readReceipts({ ...sources, shipped: true }, { limit: 10 })).toEqual([]);
    });
  });

  test("one receipt is found in spool or store, with its outcome", async () => {
    for (const storeDown of [true, false]) {
      await world(storeDown, async (store, dir, ids) => {
        const sources = { store, spoolDir: storeDown ? dir : "/nowhere" };
        const kinds = async (id: string) =>
          (await readReceipt(sources, id))?.records.map((record) => record.kind);
        expect(await kinds(ids[0]!)).toEqual(["intent", "outcome"]);
        expect(await kinds(ids[1]!)).toEqual(["refusal"]);
        for (const id of ["r-000000000000-1", "nonsense", `${ids[0]!.slice(0, -1)}0`]) {
          expect(await kinds(id)).toBeUndefined();
        }
      });
    }
  });
});
