/** Faults of a store whose records share rows: early rows, batches that do not follow, copies. */

import { describe, expect, spyOn, test } from "bun:test";
import { type DatabaseSync, type SQLOutputValue, StatementSync } from "node:sqlite";
import { GatewayError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { intentBody, outcomeBody } from "../../src/receipt/encode.ts";
import type { ChainRecord } from "../../src/receipt/model.ts";
import { type Engine, openEngine } from "../../src/store/sqlite-engine.ts";
import { addRefusal, buildChain, callChain, intentFields, outcomeFields } from "../kit/records.ts";
import { count, plain, ship, withStore } from "../kit/run-store.ts";

const least = limits.storeRunLeast;
type SQLRow = Record<string, SQLOutputValue>;

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

test("a list that is broken off, or that fails, holds the database's files by nothing", () => {
  withStore((engine, raw) => {
    const { records } = callChain(least);
    ship(engine, records);
    const row = callChain(3);
    ship(engine, row.records);
    expect(engine.receipts({ limit: 1 })).toHaveLength(1);
    expect(engine.receipts({ limit: 1, beforeMs: 1_700_000_000_500 })).toHaveLength(1);
    ship(engine, callChain(2).records);
    const { busy } = raw.prepare("pragma wal_checkpoint(truncate)").get() ?? {};
    expect(busy).toBe(0);
  });
});

test("A7 a batch of many that does not follow is refused, and an old one moves no head", () => {
  withStore((engine) => {
    const { chain, records } = callChain(2 * least);
    const forged = buildChain(chain);
    for (const { kind } of records) forged.add(kind, `{"v":1,"kind":"${kind}","at":7,"of":0}`);
    ship(engine, records.slice(0, 100));
    for (const batch of [forged.records.slice(100), records.slice(101), records.slice(150)]) {
      expect(() => ship(engine, batch)).toThrow("Cannot ship record");
      expect(engine.head(chain)).toBe(99);
    }
    for (const batch of [records.slice(0, 70), records.slice(3, 9)]) {
      ship(engine, batch);
      expect(engine.head(chain)).toBe(99);
    }
    ship(engine, records.slice(100));
    expect(plain(engine.records(chain, 0, 999))).toEqual(plain(records));
  });
});

test("a reader sees rows and runs of one moment", () => {
  withStore((engine, raw) => {
    const { chain, records } = callChain(200);
    ship(engine, records.slice(0, 10));
    const other = openEngine({ path: String(raw.location()), readOnly: true });
    const given = StatementSync.prototype.all as (...values: unknown[]) => SQLRow[];
    let left = [records.slice(10, 20), records.slice(20, 220)];
    const spied = spyOn(StatementSync.prototype, "all").mockImplementation(function (
      this: StatementSync,
      ...values: unknown[]
    ) {
      const rows = given.apply(this, values);
      if (this.sourceSQL.includes("from records")) {
        const now = left;
        left = [];
        for (const batch of now) ship(engine, batch);
      }
      return rows;
    });
    const seen = other.records(chain, 0, 999).map(({ seq }) => seq);
    spied.mockRestore();
    other.close();
    expect(seen).toEqual([...Array(10).keys()]);
    expect(engine.head(chain)).toBe(219);
  });
});

test("O5 a copy that the version before wrote is listed and verified without being upgraded", () => {
  withStore((engine, raw) => {
    const { chain, records } = callChain(5);
    ship(engine, records);
    raw.exec("drop table runs; drop table ends; pragma user_version = 3");
    const copy = openEngine({ path: String(raw.location()), readOnly: true });
    expect(copy.receipts({ limit: 9 })).toHaveLength(5);
    expect(plain(copy.records(chain, 0, 99)).length).toBe(10);
    expect(copy.inspect().strays).toEqual([]);
    engine.migrate();
    expect(() => copy.receipts({ limit: 9 })).toThrow("Cannot use the embedded store");
    copy.close();
  });
});
