/** Records that share a row of the embedded store are read as those that have one each. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { GatewayError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { intentBody, outcomeBody } from "../../src/receipt/encode.ts";
import type { ChainRecord } from "../../src/receipt/model.ts";
import { type Engine, openEngine } from "../../src/store/sqlite-engine.ts";
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
import { memoryStore } from "./memory.ts";

const home = mkdtempSync(join(tmpdir(), "gw-runs-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const least = limits.storeRunLeast;

let made = 0;
function withStore(use: (engine: Engine, raw: DatabaseSync) => void): void {
  const path = join(home, `${++made}.db`);
  const engine = openEngine({ path, readOnly: false });
  engine.migrate();
  const raw = new DatabaseSync(path);
  raw.exec("pragma synchronous = off");
  try {
    use(engine, raw);
  } finally {
    raw.close();
    engine.close();
  }
}

function ship(engine: Engine, records: readonly ChainRecord[]): void {
  if (records.length > 0) engine.ship(framesOf(records));
}

const count = (raw: DatabaseSync, table: string): number =>
  Number(raw.prepare(`select count(*) as n from ${table}`).get()?.["n"]);

const plain = (records: readonly ChainRecord[]) =>
  records.map(({ hash, prev, body, ...rest }) => ({
    ...rest,
    bytes: [hash, prev, body].map((bytes) => Buffer.from(bytes).toString("hex")),
  }));

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
  expect(runs).toBeGreaterThan(20);
}, 60_000);

/** A call whose time is unknown is before no time; the memory store says that it is. */
function listedNow(rows: readonly ReceiptRow[], query: ReceiptQuery): ReceiptRow[] {
  return query.beforeMs === undefined ? [...rows] : rows.filter(({ time }) => time !== "");
}

function sameRecords(
  engine: Engine,
  raw: DatabaseSync,
  chain: string,
  records: readonly ChainRecord[],
): void {
  for (const page of [9999, 97, 1 + (records.length >> 1)]) {
    for (let next = 0; next < records.length; next += page) {
      const got = engine.records(chain, next, page);
      expect(plain(got.map(({ wrong: _, ...record }) => record))).toEqual(
        plain(records.slice(next, next + page)),
      );
      expect(got.filter(({ wrong }) => wrong !== undefined)).toEqual([]);
    }
  }
  const seen = raw
    .prepare("select seq, kind, hash, body from receipts where chain = ? order by seq")
    .all(chain)
    .map(({ seq, kind, hash, body }) => [seq, kind, text(hash), text(body)]);
  expect(seen).toEqual(records.map((r) => [r.seq, r.kind, text(r.hash), text(r.body)]));
}

const text = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString("latin1");

describe("A7 what somebody put into the store before its time", () => {
  const fork = (engine: Engine, records: readonly ChainRecord[]): unknown => {
    try {
      ship(engine, records);
      return "shipped";
    } catch (thrown) {
      return thrown instanceof GatewayError ? [thrown.code, thrown.data] : thrown;
    }
  };
  const { chain, records } = callChain(least);
  const putRow = (raw: DatabaseSync, { seq, kind, body }: ChainRecord, hash: Uint8Array) =>
    raw
      .prepare(
        `insert into records (id, kind, hash, body)
         select no << 40 | ?, ?, ?, ? from chain_heads where chain = ?`,
      )
      .run(seq, kind, hash, body, chain);

  test.each([4, 5, 70, 2 * least - 1])("a row, before a batch of many: %p", (place) => {
    for (const same of [true, false]) {
      withStore((engine, raw) => {
        ship(engine, records.slice(0, 4));
        const early = records[place] as ChainRecord;
        putRow(raw, early, same ? early.hash : new Uint8Array(32));
        const answer = same ? "shipped" : ["GW_AUDIT_FORK", { seq: place }];
        expect(fork(engine, records.slice(4))).toEqual(answer);
        expect(engine.head(chain)).toBe(same ? 2 * least - 1 : 3);
        expect(engine.records(chain, 0, 999)).toHaveLength(same ? 2 * least : 5);
      });
    }
  });

  test.each(["few", "many"])(
    "a run behind the end, or over it: nothing is written (%s)",
    (size) => {
      for (const end of [3, 9]) {
        withStore((engine, raw) => {
          ship(engine, records.slice(0, 4));
          const first = end === 3 ? 8 : 2;
          raw.exec(`insert into runs select no << 40 | ${first}, 20, 5, 5, x'00', x'00'
          from chain_heads`);
          const most = size === "few" ? 9 : 999;
          const seq = end === 3 ? 8 : 4;
          expect(fork(engine, records.slice(4, most))).toEqual(["GW_AUDIT_FORK", { seq }]);
          expect([engine.head(chain), count(raw, "records")]).toEqual([3, 4]);
        });
      }
    },
  );

  test("a batch again, or one that begins in a run: compared by hash and skipped", () => {
    withStore((engine) => {
      const forged = buildChain(chain);
      for (const { kind } of records) forged.add(kind, `{"v":1,"kind":"${kind}","at":7}`);
      ship(engine, records.slice(0, 100));
      expect(fork(engine, records.slice(0, 100))).toBe("shipped");
      expect(fork(engine, forged.records.slice(0, 100))).toEqual(["GW_AUDIT_FORK", { seq: 0 }]);
      expect(fork(engine, forged.records.slice(99))).toEqual(["GW_AUDIT_FORK", { seq: 99 }]);
      expect(fork(engine, forged.records.slice(100))).toEqual(["GW_AUDIT_FORK", { seq: 100 }]);
      expect(fork(engine, records.slice(110))).toEqual(["GW_AUDIT_FORK", { seq: 110 }]);
      expect(fork(engine, records.slice(30))).toBe("shipped");
      expect(plain(engine.records(chain, 0, 999))).toEqual(plain(records));
    });
  });

  test("a row of ends: the batch's own counts", () => {
    withStore((engine, raw) => {
      ship(engine, records.slice(0, 3));
      raw.exec("insert into ends select no << 40 | 2, no << 40 | 77 from chain_heads");
      ship(engine, records.slice(3));
      expect(engine.receipts({ limit: 99, outcome: "ok" })).toHaveLength(least);
    });
  });
});

test("lists believe ends only where the outcome says it too", () => {
  withStore((engine, raw) => {
    const builder = buildChain();
    for (let n = 0; n < least; n += 1) builder.add("intent", intentBody(intentFields(), n));
    for (let n = 1; n < least; n += 1) builder.add("outcome", outcomeBody(outcomeFields(n), 99));
    ship(engine, builder.records.slice(0, least));
    addRefusal(builder, { outcome: "denied" }, 100);
    ship(engine, builder.records.slice(least));
    expect(count(raw, "runs")).toBe(2);
    for (const other of [least + 4, 2 * least - 1, 3, 5000]) {
      raw.exec(`insert or replace into ends select no << 40, no << 40 | ${other} from chain_heads`);
      const open = engine.receipts({ limit: 999 }).filter(({ outcome }) => outcome === null);
      expect(open.map(({ seq }) => seq)).toEqual([0]);
    }
  });
});

test("A20 pages are read by the index of times, run by run", () => {
  withStore((_, raw) => {
    const plan = raw
      .prepare(
        `explain query plan select c.chain, r.heads from runs r join chain_heads c on c.no = r.id >> 40
         where until_ms is not null and from_ms < 5 order by until_ms desc, from_ms desc, r.id desc`,
      )
      .all()
      .map((row) => String(row["detail"]));
    expect(plan).toEqual([
      "SEARCH r USING INDEX runs_by_time (until_ms>?)",
      "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)",
    ]);
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

  test("columns of another type are no records, and no error", () => {
    for (const value of ["text", null, 5]) {
      const heads = { ...packed(), heads: value as unknown as Uint8Array };
      const bodies = { ...packed(), bodies: value as unknown as Uint8Array };
      expect([unpackRun(heads), unpackRun(bodies)]).toEqual([[], []]);
    }
  });
});
