/** Records that share a row of the embedded store are read as those that have one each. */

import { describe, expect, spyOn, test } from "bun:test";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { limits } from "../../src/base/limits.ts";
import { intentBody, outcomeBody } from "../../src/receipt/encode.ts";
import { openEngine } from "../../src/store/sqlite-engine.ts";
import { packRun, unpackRun, wrongInRun } from "../../src/store/sqlite-run.ts";
import { framesOf } from "../../src/store/sqlite-wire.ts";
import type { ReceiptQuery, ReceiptRow } from "../../src/store/store.ts";
import {
  addCall,
  addRefusal,
  buildChain,
  type ChainBuilder,
  callChain,
  intentFields,
  outcomeFields,
} from "../kit/records.ts";
import { count, plain, sameRecords, ship, text, withStore } from "../kit/run-store.ts";
import { memoryStore } from "./memory.ts";

const least = limits.storeRunLeast;

test("a batch of few records is rows, one of many is a run", () => {
  withStore((engine, raw) => {
    const { chain, records } = callChain(least);
    ship(engine, records.slice(0, least - 1));
    expect([count(raw, "records"), count(raw, "runs")]).toEqual([least - 1, 0]);
    ship(engine, records.slice(least - 1));
    expect([count(raw, "records"), count(raw, "runs")]).toEqual([least - 1, 1]);
    expect(plain(engine.records(chain, 0, 999))).toEqual(plain(records));
    // The intent of its first record has a row of its own.
    expect([least % 2, count(raw, "ends")]).toEqual([0, 1]);
  });
});

interface Step {
  readonly what: string;
  readonly after: number;
  readonly pick: number;
}

/** What happens in a chain: a record of this kind, so long after the last, about one of so many. */
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    what: fc.constantFrom("intent", "intent", "outcome", "outcome", "refusal", "call", "other"),
    after: fc.integer({ min: -3, max: 3 }),
    pick: fc.nat({ max: 9 }),
  }),
  { minLength: 1, maxLength: 900, size: "max" },
);
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 9 })), {
  minLength: 1,
  maxLength: 9,
});

const odd = ["{}", '{"v":1}', "not JSON", '{"v":1,"kind":"intent","at":1.5,"key":"k"}', '{"v":1'];

function play(builder: ChainBuilder, happens: readonly Step[], offset: number, strange: boolean) {
  const opened: number[] = [];
  let now = 1_700_000_000_000;
  for (const { what, after, pick } of happens) {
    now += after;
    const at = 2 * now + offset;
    const names = {
      keyName: `key ${pick % 3} é`,
      tool: `tool-${pick % 4}`,
      client: "\u2028\ud800",
    };
    if (what === "intent") {
      opened.push(builder.add("intent", intentBody(intentFields(names), at)).seq);
    } else if (what === "outcome") {
      const [of] = opened.splice(pick % Math.max(1, opened.length), 1);
      const end = { outcome: pick < 7 ? ("ok" as const) : ("timeout" as const), resultBytes: pick };
      if (of !== undefined) builder.add("outcome", outcomeBody(outcomeFields(of, end), at));
    } else if (what === "refusal") {
      addRefusal(builder, { ...names, effect: "deny", outcome: "denied" }, at);
    } else if (what === "call") addCall(builder, names, {}, at);
    else if (strange && pick === 0) builder.add("intent", odd[builder.records.length % 5] ?? "");
    else builder.add("admin", `{"v":1,"kind":"admin","at":${at},"what":"x"}`);
  }
}

const queries: readonly Partial<ReceiptQuery>[] = [
  ...[{}, { limit: 7 }, { limit: 1 }, { key: "key 1 é" }, { key: "none" }, { tool: "tool-2" }],
  ...[{ tool: "files/tool-3" }, { tool: "other/tool-3" }, { outcome: "ok" }],
  ...[{ outcome: "timeout", limit: 5 }, { outcome: "denied" }, { outcome: "", key: "key 0 é" }],
  ...[
    { key: "key 2 é", tool: "tool-1", outcome: "timeout" },
    { key: "k-000000000001", limit: 3 },
  ],
];

test("lists, records and the view are those of a store that knows no runs", async () => {
  let runs = 0;
  const one = fc.record({ happens: steps, sizes, strange: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 2 }), async (given) => {
      const memory = memoryStore();
      const chains = given.map(({ happens, strange }, at) => {
        const builder = buildChain();
        play(builder, happens, at, strange && at === 0);
        return builder;
      });
      for (const { records } of chains) await memory.ship(records);
      const all: { query: ReceiptQuery; rows: ReceiptRow[] }[] = [];
      const some = chains.flatMap(({ chain, records }) =>
        [0, 0.3, 0.99].map((at) => ({ chain, seq: Math.floor(records.length * at) })),
      );
      const before = await memory.receipts({ limit: 9999 });
      const time = Date.parse(before[before.length >> 1]?.time || "2033-01-01");
      const ids = some.map(({ chain, seq }) => ({
        id: `r-${chain.replaceAll("-", "").slice(0, 12)}-${seq}`,
      }));
      for (const query of [...queries, ...ids, { beforeMs: time }, { beforeMs: time, limit: 4 }]) {
        all.push({ query: { limit: 9999, ...query }, rows: [] });
      }
      for (const one of all) one.rows = listedNow(await memory.receipts(one.query), one.query);

      withStore((engine, raw) => {
        const left = chains.map(({ records }, at) => ({
          records: [...records],
          sizes: given[at]?.sizes ?? [1],
          turn: 0,
        }));
        while (left.some(({ records }) => records.length > 0)) {
          for (const chain of left) {
            const size = chain.sizes[chain.turn++ % chain.sizes.length] ?? 1;
            ship(engine, chain.records.splice(0, size));
          }
        }
        runs += count(raw, "runs");
        for (const { query, rows } of all) {
          expect([query, listedNow(engine.receipts(query), query)]).toEqual([query, rows]);
        }
        for (const { chain, records } of chains) sameRecords(engine, raw, chain, records);
        expect(engine.inspect().strays).toEqual([]);
      });
    }),
    { numRuns: 25, endOnFailure: true },
  );
  expect(runs).toBeGreaterThan(3);
}, 60_000);

/** A call whose time is unknown is before no time; the memory store says that it is. */
function listedNow(rows: readonly ReceiptRow[], query: ReceiptQuery): ReceiptRow[] {
  return query.beforeMs === undefined ? [...rows] : rows.filter(({ time }) => time !== "");
}

test("A20 nothing is searched or sorted without an index", () => {
  withStore((engine, raw) => {
    const chain = callChain(least);
    ship(engine, chain.records);
    const given = DatabaseSync.prototype.prepare;
    const said = new Set<string>();
    const spied = spyOn(DatabaseSync.prototype, "prepare").mockImplementation(function (
      this: DatabaseSync,
      sql,
    ) {
      said.add(sql);
      return given.call(this, sql);
    });
    const other = openEngine({ path: String(raw.location()), readOnly: true });
    try {
      other.receipts({ limit: 9 });
      other.receipts({ limit: 9, beforeMs: 1_800_000_000_000 });
      other.receipts({ limit: 9, id: `r-${chain.chain.replaceAll("-", "").slice(0, 12)}-4` });
      other.records(chain.chain, 5, 9);
      other.inspect();
    } finally {
      spied.mockRestore();
      other.close();
    }
    const runs = [...said].filter((sql) => sql.includes("from runs r"));
    expect(runs).toHaveLength(5);
    const plans = runs.map((sql) =>
      raw
        .prepare(`explain query plan ${sql}`)
        .all()
        .map((row) => String(row["detail"])),
    );
    // The few runs of an id are sorted.
    const many = plans.filter((plan) => !plan.includes("LIST SUBQUERY 2"));
    expect(many).toHaveLength(4);
    for (const line of many.flat()) expect(line).not.toMatch(/TEMP B-TREE|SCAN (r|i|runs)$/);
    expect(plans[0]?.[0]).toBe("SEARCH r USING INDEX runs_by_time (until_ms>?)");
    expect(plans.at(-1)?.[0]).toBe("SCAN r USING COVERING INDEX runs_extent");
  });
});

test("the view leaves out a run that is no JSON, and gives no time to what is no call", () => {
  withStore((engine, raw) => {
    const { records } = callChain(2 * least);
    ship(engine, records.slice(0, least));
    ship(engine, records.slice(least, 2 * least));
    const times = raw.prepare("select distinct kind from receipts where at_ms is not null").all();
    expect(times.map(({ kind }) => kind)).toEqual(["intent"]);
    raw.exec(`update runs set bodies = x'5b00' where id & 1099511627775 = 0`);
    expect(count(raw, "receipts")).toBe(least);
  });
});

test("bodies of any length: more than a batch of the spool, more than 16 bits", () => {
  withStore((engine, raw) => {
    const builder = buildChain();
    for (let n = 0; n < least; n += 1) {
      const client = "x".repeat(n === 7 ? 70_000 : 9_000);
      builder.add("intent", intentBody(intentFields({ client }), n));
    }
    ship(engine, builder.records);
    expect([count(raw, "runs"), count(raw, "records")]).toEqual([1, 0]);
    sameRecords(engine, raw, builder.chain, builder.records);
  });
});

describe("the form", () => {
  const { records } = callChain(5);
  const frames = () => {
    const { buffer, length } = framesOf(records);
    return Buffer.from(buffer.buffer, 0, length);
  };
  const packed = () => {
    const run = packRun(frames(), 0);
    if (run === undefined) throw new Error("no run");
    const { heads, bodies } = run;
    return { ...run, heads: new Uint8Array(heads), bodies: new Uint8Array(bodies) };
  };

  const shown = (of: ReturnType<typeof unpackRun>) =>
    JSON.stringify(of.map(({ seq, kind, hash, body }) => [seq, kind, text(hash), text(body)]));

  test("a frame with one bit changed is no run, at any place", () => {
    for (let at = 0; at < frames().length; at += 1) {
      const bytes = frames();
      bytes.writeUInt8((bytes[at] ?? 0) ^ 4, at);
      expect([at, packRun(bytes, 0)]).toEqual([at, undefined]);
    }
    expect(packRun(frames(), 1)).toBe(undefined);
    expect(packRun(frames().subarray(0, -8), 0)).toBe(undefined);
  });

  test("a byte changed in heads or in what joins bodies shows, or changes a record", () => {
    const whole = packed();
    const good = shown(unpackRun(whole));
    expect(wrongInRun(whole, unpackRun(whole))).toBe(undefined);
    for (const name of ["heads", "bodies"] as const) {
      for (let at = 0; at < whole[name].length; at += 1) {
        const row = packed();
        row[name][at] = (row[name][at] ?? 0) ^ 1;
        const got = unpackRun(row);
        const same = shown(got) === good;
        expect([name, at, same && wrongInRun(row, got) === undefined]).toEqual([name, at, false]);
      }
    }
  });

  test.each([
    ["a call without a time", "intent", '{"v":1,"kind":"intent","at":"x"}'],
    ["an outcome of a later record", "outcome", '{"v":1,"kind":"outcome","at":5,"of":1}'],
    ["an outcome of nothing", "outcome", '{"v":1,"kind":"outcome","at":5}'],
    ["a body that does not begin as ours", "admin", '{"v":2,"kind":"admin","at":5}'],
    ["a body that does not end", "admin", '{"v":1,"kind":"admin","at":5'],
    ["an empty body", "admin", ""],
  ] as const)("%s has a row of its own", (_, kind, body) => {
    const builder = buildChain();
    builder.add("admin", '{"v":1,"kind":"admin","at":5}');
    builder.add(kind, body);
    const { buffer, length } = framesOf(builder.records);
    expect(packRun(Buffer.from(buffer.buffer, 0, length), 0)).toBe(undefined);
    withStore((engine, raw) => {
      for (let n = 0; n < least; n += 1) addCall(builder, {}, {}, n);
      ship(engine, builder.records);
      expect([count(raw, "runs"), count(raw, "records")]).toEqual([0, least + 2]);
    });
  });

  test("columns of another type are no records, and no error", () => {
    for (const value of ["text", null, 5]) {
      const heads = { ...packed(), heads: value as unknown as Uint8Array };
      const bodies = { ...packed(), bodies: value as unknown as Uint8Array };
      expect([unpackRun(heads), unpackRun(bodies)]).toEqual([[], []]);
    }
  });
});
