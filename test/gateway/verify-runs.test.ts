/** Changes to an embedded store whose records share rows: verify names each. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openAudit } from "../../src/audit/open.ts";
import { systemClock, systemRandom } from "../../src/base/system.ts";
import { verifyCopy } from "../../src/gateway/offline-receipts.ts";
import { readReceipts } from "../../src/gateway/receipts.ts";
import { sqliteStore } from "../../src/store/sqlite.ts";
import type { ReceiptRow } from "../../src/store/store.ts";
import { intentFields, outcomeFields } from "../kit/records.ts";

const home = mkdtempSync(join(tmpdir(), "gw-verify-runs-"));
const whole = join(home, "whole");
const calls = 150;
let listed: readonly ReceiptRow[] = [];

/** One chain: open (a row), a run of intents, a run of their outcomes, close (a row). */
beforeAll(async () => {
  const store = sqliteStore({ path: join(whole, "store.db") });
  const spool = join(whole, "spool");
  mkdirSync(spool, { recursive: true });
  await store.migrate();
  const audit = await openAudit({
    ...{ dir: spool, mode: "strict", spoolBytesMax: 2 ** 26, store, build: "test" },
    ...{ clock: systemClock, random: systemRandom, sys: { fallocate: () => false } },
    ...{ segmentBytes: 2 ** 20, log: () => {} },
  });
  const [chain = ""] = await shipped(async () => store.chains(), 1);
  const until = (seq: number) => shipped(async () => Array(1 + (await store.head(chain))), seq);
  const seqs = Array.from({ length: calls }, () => audit.intent(intentFields()).seq);
  await until(1 + calls);
  for (const seq of seqs) audit.outcome(outcomeFields(seq));
  await until(1 + 2 * calls);
  await audit.close(5000);
  listed = await store.receipts({ limit: 999 });
  await store.close();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function shipped<T>(look: () => Promise<readonly T[]>, least: number): Promise<readonly T[]> {
  for (const until = Date.now() + 10_000; Date.now() < until; await Bun.sleep(20)) {
    const seen = await look();
    if (seen.length >= least) return seen;
  }
  throw new Error("nothing was shipped");
}

function copyWith(statements: readonly string[]) {
  const dir = mkdtempSync(join(home, "copy-"));
  cpSync(whole, dir, { recursive: true });
  const database = new DatabaseSync(join(dir, "store.db"));
  for (const one of statements) database.exec(one);
  database.close();
  return { dir, store: sqliteStore({ path: join(dir, "store.db"), readOnly: true }) };
}

async function changed(statements: readonly string[]) {
  const { dir, store } = copyWith(statements);
  const rows = await readReceipts({ store, spoolDir: join(dir, "spool") }, { limit: 999 });
  await store.close();
  return { ...(await verifyCopy(dir)), rows };
}

const [intents, outcomes] = ["(1 << 40 | 1)", `(1 << 40 | ${1 + calls})`];
const [last, next] = [calls + calls, calls + 1];
const flip = (column: string, at: number) =>
  `update runs set ${column} = cast(substr(${column}, 1, ${at}) || x'00' ||
     substr(${column}, ${at + 2}) as blob) where id = ${intents}`;
const set = (what: string, id = intents) => [`update runs set ${what} where id = ${id}`];
const nothing = (first: number, end: number) =>
  `insert into runs values (1 << 40 | ${first}, ${end}, null, null, x'', x'')`;
const copy = (id: string) =>
  `insert into runs select ${id}, last_seq, from_ms, until_ms, heads, bodies from runs
   where id = ${intents}`;

/** Threat row and what is done; the statements; what verify says. */
const cases: readonly [string, () => string[], string][] = [
  ["A2 a run deleted", () => [`delete from runs where id = ${intents}`], "expected seq 1, found"],
  ["A3 the last run deleted", () => [`delete from runs where id = ${outcomes}`], "expected seq"],
  [
    "A3 all behind the first run deleted, the head moved",
    () => [
      `delete from runs where id = ${outcomes}`,
      `delete from records where id > ${outcomes}`,
      `update chain_heads set last_seq = ${calls},
         last_hash = (select substr(heads, -32) from runs)`,
    ],
    "spool/ledger.json says",
  ],
  ["A2 a byte of a hash", () => [flip("heads", 37 * 7 + 9)], "not that of its bytes"],
  ["A2 a kind", () => [flip("heads", 37 * 7)], "column heads"],
  ["A2 a length", () => [flip("heads", 37 * 7 + 1)], ""],
  ["A2 a byte of a body", () => [flip("bodies", 500)], ""],
  ["A2 a comma", () => [flip("bodies", 0)], "column bodies"],
  ["A2 heads cut off", () => set("heads = substr(heads, 1, 370)"), ""],
  ["A2 heads with more", () => set("heads = cast(heads || x'00' as blob)"), "column heads"],
  ["A2 bodies with more", () => set("bodies = cast(bodies || ' ' as blob)"), "column bodies"],
  ["A2 bodies of text", () => set("bodies = cast(bodies as text)"), "expected seq 1, found"],
  ["A2 no heads", () => set("heads = x''"), "expected seq 1, found"],
  ["A2 the last seq lower", () => set("last_seq = 5"), "column last_seq"],
  ["A2 the last seq higher", () => set("last_seq = 500"), "is over what else"],
  ["A2 the last seq of text", () => set("last_seq = 'x'"), ""],
  ["A2 the time of the first call", () => set("from_ms = 5"), "column from_ms"],
  ["A2 the time of the last call", () => set("until_ms = null"), "column until_ms"],
  ["A2 a time where no call is", () => set("until_ms = 5", outcomes), "column until_ms"],
  ["A2 a run elsewhere", () => set(`id = 1 << 40 | ${last + 9}`), "last_seq of a run"],
  ["A2 a run of no chain", () => [copy("(9 << 40 | 1)")], "does not name the chain"],
  ["A2 a run of a negative chain", () => [copy("-5")], "does not name the chain"],
  ["A2 a run behind the end", () => [copy(`(1 << 40 | ${last + 9})`)], "last_seq of a run"],
  ["A2 a run of nothing, in another", () => [nothing(50, 50)], "is over what else"],
  ["A2 a run of nothing, over a row", () => [nothing(0, 0)], "is over what else"],
  ["A2 a run of nothing, behind the end", () => [nothing(5000, 5000)], "behind the end"],
  ["A2 a last seq that no number holds", () => set("last_seq = 9223372036854775807"), "last_seq"],
  ["A2 a time that no number holds", () => set("until_ms = 9223372036854775807"), "until_ms"],
  ["A2 a last seq between two", () => set("last_seq = 5.5"), "last_seq"],
  ["A2 heads that no number holds", () => set("heads = 9223372036854775807"), "expected seq 1"],
  ["A2 bodies that no number holds", () => set("bodies = 9223372036854775807"), "expected seq 1"],
  ["A2 a run over the last of another", () => [nothing(next - 1, next - 1)], "is over what else"],
  ["A2 a time of text", () => set("from_ms = 'x'"), "column from_ms"],
  [
    "A2 a record of a run as a row too",
    () => [
      `insert into records select 1 << 40 | 7, 'refusal', 5, null, zeroblob(32),
         '{"v":1,"kind":"refusal","at":5}'`,
    ],
    "is over what else",
  ],
  ["A2 an outcome's way deleted", () => ["delete from ends"], "column ends"],
  [
    "A2 an outcome's way to another",
    () => [`update ends set id = id + 1 where of_id = (1 << 40 | 9)`],
    "column ends",
  ],
];

describe("verify of a changed store of runs", () => {
  test("unchanged, it is well", async () => {
    const { bad, missing, rows } = await changed([]);
    expect([bad, missing, rows]).toEqual([undefined, [], [...listed]]);
    expect(listed.map(({ seq, outcome }) => [seq, outcome])).toEqual(
      Array.from({ length: calls }, (_, at) => [calls - at, "ok"]),
    );
    const raw = new DatabaseSync(join(whole, "store.db"), { readOnly: true });
    const first = raw.prepare("select id & 1099511627775 as seq from runs order by id").all();
    raw.close();
    expect(first.map(({ seq }) => Number(seq))).toEqual([1, next]);
  });

  test.each(cases)("%s is tampering, and lists show nothing strange", async (_, sql, says) => {
    const { bad, rows } = await changed(sql());
    expect(bad?.why ?? "nothing").not.toBe("nothing");
    expect(bad?.why).toContain(says);
    const known = new Set(listed.map((row) => row.id));
    const strange = rows.filter((row) => !known.has(row.id));
    expect(strange).toEqual([]);
  });

  test("A2 a run in the midst of another is tampering", async () => {
    const { bad } = await changed([copy("(1 << 40 | 2)")]);
    expect(bad).toMatchObject({ seq: 2, why: "a run is over what else is there" });
  });

  test("A2 a column of any type does not stop a search", async () => {
    for (const wrong of ["bodies = 'text'", "bodies = 5", "heads = null", "until_ms = 'x'"]) {
      const { store } = copyWith(wrong.startsWith("heads") ? set("heads = 7") : set(wrong));
      for (const query of [{ key: "agent" }, { tool: "none" }, { outcome: "ok" }, {}]) {
        expect((await store.receipts({ limit: 999, ...query })).length).toBeLessThan(151);
      }
      await store.close();
    }
  });
});
