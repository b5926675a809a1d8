/** Changes to a stopped gateway's embedded store and ledger: verify names each. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openAudit } from "../../src/audit/open.ts";
import { systemClock, systemRandom } from "../../src/base/system.ts";
import { verifyCopy } from "../../src/gateway/offline-receipts.ts";
import { readReceipts } from "../../src/gateway/receipts.ts";
import { sqliteStore } from "../../src/store/sqlite.ts";
import type { ReceiptRow } from "../../src/store/store.ts";
import { addRefusal, buildChain, intentFields, outcomeFields } from "../kit/records.ts";

const home = mkdtempSync(join(tmpdir(), "gw-verify-"));
const whole = join(home, "whole");
/** The first and the last chain, and the last seq of each. */
let [a, b] = ["", ""];
let listed: readonly ReceiptRow[] = [];

/** Three runs of a gateway: a call and a refusal each, all shipped. */
beforeAll(async () => {
  for (let run = 0; run < 3; run += 1) {
    const store = sqliteStore({ path: join(whole, "store.db") });
    const spool = join(whole, "spool");
    mkdirSync(spool, { recursive: true });
    await store.migrate();
    const audit = await openAudit({
      ...{ dir: spool, mode: "strict", spoolBytesMax: 2 ** 26, store, build: "test" },
      ...{ clock: systemClock, random: systemRandom, sys: { fallocate: () => false } },
      ...{ segmentBytes: 65_536, log: () => {} },
    });
    const { seq } = audit.intent(intentFields());
    await audit.outcome(outcomeFields(seq)).durable;
    await audit.refusal(intentFields({ effect: "deny", outcome: "denied" })).durable;
    await audit.close(5000);
    const chains = await store.chains();
    [a, b] = [chains[0] ?? "", chains.at(-1) ?? ""];
    listed = await store.receipts({ limit: 99 });
    await store.close();
  }
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** A copy of the data_dir, changed; how it verifies, and what is listed of it. */
async function changed(change: (database: DatabaseSync, dir: string) => void) {
  const dir = mkdtempSync(join(home, "copy-"));
  cpSync(whole, dir, { recursive: true });
  const database = new DatabaseSync(join(dir, "store.db"));
  change(database, dir);
  database.close();
  const store = sqliteStore({ path: join(dir, "store.db"), readOnly: true });
  const rows = await readReceipts({ store, spoolDir: join(dir, "spool") }, { limit: 99 });
  await store.close();
  const { bad, missing } = await verifyCopy(dir);
  return { bad, missing, rows };
}

const last = 4;
const of = (chain: string) => `(select no from chain_heads where chain = '${chain}')`;
const rowsOf = (chain: string) => `id >> 40 = ${of(chain)}`;
const id = (chain: string, seq: number) => `(${of(chain)} << 40 | ${seq})`;
const put = (to: string) =>
  `insert into records select ${to}, kind, at_ms, null, hash, body from records
   where id = ${id(b, 3)}`;
const cut = (seq: number) => [
  `delete from records where ${rowsOf(b)} and id & 1099511627775 > ${seq}`,
  `update chain_heads set last_seq = ${seq}, last_hash =
     (select hash from records where id = ${id(b, seq)}) where chain = '${b}'`,
];
const other = "11111111-1111-4111-8111-111111111111";

/** Threat row and what is done; the statements; what verify says. */
const cases: readonly [string, () => string[], string][] = [
  ["A2 a record deleted", () => [`delete from records where id = ${id(a, 2)}`], "expected seq 2"],
  [
    "A3 the last record deleted",
    () => [`delete from records where id = ${id(b, last)}`],
    "chain_heads says",
  ],
  ["A3 the last records deleted, the head moved", () => cut(2), "spool/ledger.json says"],
  [
    "A3 the newest chain deleted, its head kept",
    () => [`delete from records where ${rowsOf(b)}`],
    "nothing of the chain is here",
  ],
  [
    "A3 the newest chain deleted with its head",
    () => [
      `delete from records where ${rowsOf(b)}`,
      `delete from chain_heads where chain = '${b}'`,
    ],
    "spool/ledger.json says",
  ],
  [
    "A3 everything deleted",
    () => ["delete from records", "delete from chain_heads"],
    "spool/ledger.json says",
  ],
  ["A2 all heads deleted", () => ["delete from chain_heads"], "does not name the chain"],
  [
    "A2 the newest head deleted",
    () => [`delete from chain_heads where chain = '${b}'`],
    "does not name",
  ],
  ["A2 a row of no chain", () => [put("(99 << 40 | 3)")], "does not name the chain"],
  [
    "A2 a row of the last possible chain",
    () => [put("(8388607 << 40 | 3)")],
    "does not name the chain",
  ],
  ["A2 a row of a negative chain", () => [put("-5")], "does not name the chain"],
  ["A2 a row before seq 0", () => [put(`${id(b, 0)} - 1`)], "expected seq 5, found 1099511627775"],
  ["A2 a row behind the end", () => [put(id(b, last + 1))], "not that of its bytes"],
  [
    "A2 a row of a chain made up",
    () => [
      put("(99 << 40 | 3)"),
      `insert into chain_heads values (99, '${other}', 3, zeroblob(32))`,
    ],
    "expected seq 0",
  ],
  [
    "A2 a chain written in capitals",
    () => [
      `insert into records select 99 << 40 | (id & 1099511627775), kind, at_ms, null, hash, body
       from records where ${rowsOf(b)}`,
      `insert into chain_heads select 99, upper(chain), last_seq, last_hash from chain_heads
       where chain = '${b}'`,
    ],
    "not that of a chain",
  ],
  [
    "A2 a head without rows",
    () => [`insert into chain_heads values (99, '${other}', 3, zeroblob(32))`],
    "nothing of the chain",
  ],
  [
    "A2 a number no chain has",
    () => [`insert into chain_heads values (8388608, '${other}', 3, zeroblob(32))`],
    "the number",
  ],
  [
    "A3 a head that ends earlier",
    () => [`update chain_heads set last_seq = 2 where chain = '${a}'`],
    "has another hash",
  ],
  [
    "A3 a head of text",
    () => [`update chain_heads set last_seq = 'x' where chain = '${a}'`],
    "ends at seq x",
  ],
  [
    "A3 a head with another hash",
    () => [`update chain_heads set last_hash = zeroblob(32) where chain = '${a}'`],
    "has another hash",
  ],
  [
    "A2 a call's time",
    () => [`update records set at_ms = 5 where id = ${id(b, 1)}`],
    "column at_ms",
  ],
  [
    "A2 a call's time on what is none",
    () => [`update records set at_ms = 5 where id = ${id(b, 0)}`],
    "column at_ms",
  ],
  [
    "A2 an outcome without its call",
    () => [`update records set of_id = null where id = ${id(b, 2)}`],
    "column of_id",
  ],
  [
    "A2 an outcome of another call",
    () => [`update records set of_id = ${id(a, 1)} where id = ${id(b, 2)}`],
    "column of_id",
  ],
  [
    "A2 a refusal with an outcome",
    () => [`update records set of_id = ${id(b, 1)} where id = ${id(b, 3)}`],
    "column of_id",
  ],
  [
    "A2 a body of text",
    () => [`update records set body = cast(body as text) where id = ${id(a, 1)}`],
    "not bytes",
  ],
  [
    "A2 a hash of text",
    () => [`update records set hash = 'x' where id = ${id(a, 1)}`],
    "not bytes",
  ],
];

describe("verify of a changed store", () => {
  test("unchanged, it is well", async () => {
    expect(await changed(() => {})).toEqual({ bad: undefined, missing: [], rows: listed });
    expect(listed.length).toBe(6);
  });

  test.each(cases)("%s is tampering, and lists show nothing strange", async (_, sql, says) => {
    const { bad, rows } = await changed((database) => {
      for (const one of sql()) database.exec(one);
    });
    expect(bad?.why).toContain(says);
    const known = new Set(listed.map((row) => row.id));
    if (says !== "expected seq 0") expect(rows.filter((row) => !known.has(row.id))).toEqual([]);
  });

  test("A2 a record that fits, added behind the end that the head names", async () => {
    const { bad, rows } = await changed((database, dir) => {
      rmSync(join(dir, "spool/ledger.json"));
      const builder = buildChain(b);
      const text = (at: number) =>
        database.prepare(`select body from records where id = ${id(b, at)}`).get()?.["body"];
      for (const [seq, kind] of (["open", "intent", "outcome", "refusal"] as const).entries()) {
        builder.add(kind, text(seq) as Uint8Array);
      }
      // In place of the close record: a refusal, its link computed as a gateway would.
      const { hash, body } = addRefusal(builder, {}, 5);
      for (const sql of cut(3)) database.exec(sql);
      database
        .prepare(`insert into records values (${id(b, last)}, 'refusal', 5, null, ?, ?)`)
        .run(hash, body);
    });
    expect(bad).toMatchObject({ chain: b, seq: last });
    expect(bad?.why).toContain("chain_heads says that the chain ends at seq 3");
    expect(rows.length).toBe(listed.length);
    expect(rows.map((row) => row.id)).toEqual(listed.map((row) => row.id));
  });

  test("A3 the first chain deleted with its head is named by the next", async () => {
    const { bad, missing } = await changed((database) => {
      database.exec(`delete from records where ${rowsOf(a)}`);
      database.exec(`delete from chain_heads where chain = '${a}'`);
    });
    expect([bad, missing.length]).toEqual([undefined, 1]);
    expect(missing[0]).toContain(`the chain ${a}, which comes before`);
  });

  test("A3 a ledger that is gone or does not check, a store that is gone: incomplete", async () => {
    const ledger = (dir: string) => join(dir, "spool/ledger.json");
    const gone = await changed((_, dir) => rmSync(ledger(dir)));
    expect([gone.bad, gone.missing]).toEqual([undefined, [expect.stringContaining("is not here")]]);
    const bad = await changed((_, dir) => writeFileSync(ledger(dir), "{}"));
    expect([bad.bad, bad.missing]).toEqual([undefined, [expect.stringContaining("not check")]]);
    const dir = mkdtempSync(join(home, "copy-"));
    cpSync(join(whole, "spool"), join(dir, "spool"), { recursive: true });
    expect((await verifyCopy(dir)).missing).toEqual([expect.stringContaining("not in the copy")]);
  });
});
