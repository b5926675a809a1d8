/** What is particular to the embedded store: its file, its thread, its readers. */

import { afterAll, describe, expect, spyOn, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { GatewayError } from "../../src/base/errors.ts";
import type { ChainRecord } from "../../src/receipt/model.ts";
import { sqliteStore } from "../../src/store/sqlite.ts";
import { openEngine } from "../../src/store/sqlite-engine.ts";
import { callChain } from "../kit/records.ts";

const home = mkdtempSync(join(tmpdir(), "gw-sqlite-"));
const root = join(import.meta.dirname, "../..");
afterAll(() => rmSync(home, { recursive: true, force: true }));

test("O4 its files are 0600", async () => {
  const folder = join(home, "mode");
  mkdirSync(folder);
  const store = sqliteStore({ path: join(folder, "store.db") });
  await store.migrate();
  await store.ship(callChain(1).records);
  const modes = readdirSync(folder).map((file) => [
    file,
    statSync(join(folder, file)).mode & 0o777,
  ]);
  expect(modes.sort()).toEqual([
    ["store.db", 0o600],
    ["store.db-shm", 0o600],
    ["store.db-wal", 0o600],
  ]);
  await store.close();
});

test("a reader sees what a writer ships, and changes nothing", async () => {
  const path = join(home, "shared.db");
  const writer = sqliteStore({ path });
  await writer.migrate();
  const reader = sqliteStore({ path, readOnly: true });
  await reader.migrate();
  const { chain, records } = callChain(100);
  for (let at = 0; at < records.length; at += 20) {
    await Promise.all([writer.ship(records.slice(at, at + 20)), reader.receipts({ limit: 10 })]);
    expect(await reader.head(chain)).toBe(at + 19);
  }
  expect(await codeOf(reader.ship(callChain(1).records))).toBe("GW_DATABASE");
  await writer.close();
  expect(await reader.head(chain)).toBe(199);
  await reader.close();
});

test("a reader does not make a store that is not there", async () => {
  const path = join(home, "none.db");
  const reader = sqliteStore({ path, readOnly: true });
  expect(await codeOf(reader.ping())).toBe("GW_DATABASE");
  expect(readdirSync(home)).not.toContain("none.db");
  await reader.close();
});

test("a folder that is not there, a file that is no database: GW_DATABASE", async () => {
  writeFileSync(
    join(home, "text.db"),
    "this is not a database at all, but a text file\n".repeat(99),
  );
  for (const path of [join(home, "no/such/store.db"), join(home, "text.db")]) {
    const store = sqliteStore({ path });
    expect(await codeOf(store.migrate())).toBe("GW_DATABASE");
    await store.close();
  }
});

test("O5 two starters at once migrate once; a newer store is left as it is", async () => {
  const path = join(home, "two.db");
  const stores = [sqliteStore({ path }), sqliteStore({ path }), sqliteStore({ path })];
  await Promise.all(stores.map((store) => store.migrate()));
  const { records } = callChain(1);
  await stores[0]?.ship(records);
  for (const store of stores) await store.close();
  const raw = new DatabaseSync(path);
  raw.exec("pragma user_version = 99; alter table records add column later text");
  raw.close();
  const again = sqliteStore({ path });
  await again.migrate();
  await again.ship(callChain(1).records);
  expect(await again.receipts({ limit: 9 })).toHaveLength(2);
  await again.close();
});

test("O5 an upgrade sorts in files, as a large store's index has no room in the memory", () => {
  const given = DatabaseSync.prototype.exec;
  const said: string[] = [];
  const spied = spyOn(DatabaseSync.prototype, "exec").mockImplementation(function (
    this: DatabaseSync,
    sql,
  ) {
    said.push(sql);
    given.call(this, sql);
  });
  try {
    const engine = openEngine({ path: join(home, "sorts.db"), readOnly: false });
    engine.migrate();
    engine.close();
  } finally {
    spied.mockRestore();
  }
  const told = said.flatMap((sql) => /create index|temp_store = \w+/.exec(sql)?.[0] ?? []);
  expect(said.length).toBeGreaterThan(5);
  expect([...new Set(told.slice(1, -1))]).toEqual(["temp_store = file", "create index"]);
  expect(told.at(-1)).toBe("temp_store = memory");
});

test("A20 a page of receipts is read by an index, not by a scan and sort", async () => {
  const path = join(home, "plan.db");
  const store = sqliteStore({ path });
  await store.migrate();
  await store.close();
  const raw = new DatabaseSync(path);
  const plan = raw
    .prepare(
      `explain query plan
       select c.chain, i.id & 1099511627775 as seq, i.kind, i.body, o.body as end
       from records i left join records o on o.of_id = i.id join chain_heads c on c.no = i.id >> 40
       where i.kind in ('intent', 'refusal', 'call') and i.at_ms < 5
       order by i.at_ms desc, i.id desc`,
    )
    .all()
    .map((row) => String(row["detail"]));
  raw.close();
  expect(plan).toEqual([
    "SEARCH i USING INDEX records_by_time (at_ms<?)",
    "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)",
    "SEARCH o USING INDEX records_outcomes (of_id=?) LEFT-JOIN",
  ]);
});

describe("A7 a row put before its time", () => {
  // Records go in with statements of 16 rows: one at every place in these, and behind the last.
  const places = [4, 5, 15, 19, 20, 21, 35, 36, 39];
  const put = (path: string, chain: string, { seq, kind, body }: ChainRecord, hash: Uint8Array) => {
    const database = new DatabaseSync(path);
    database
      .prepare(
        `insert into records (id, kind, hash, body)
         select no << 40 | ?, ?, ?, ? from chain_heads where chain = ?`,
      )
      .run(seq, kind, hash, body, chain);
    database.close();
  };

  test.each(places)("is skipped where it is the same: %p", async (place) => {
    const path = join(home, `same-${place}.db`);
    const store = sqliteStore({ path });
    await store.migrate();
    const { chain, records } = callChain(20);
    await store.ship(records.slice(0, 4));
    const early = records[place] as ChainRecord;
    put(path, chain, early, early.hash);
    await store.ship(records.slice(4));
    expect(await store.head(chain)).toBe(39);
    expect((await store.records(chain, 0, 99)).map(({ seq }) => seq)).toEqual([
      ...Array(40).keys(),
    ]);
    await store.close();
  });

  test.each(places)("stops shipping where it is another, nothing is written: %p", async (place) => {
    const path = join(home, `other-${place}.db`);
    const store = sqliteStore({ path });
    await store.migrate();
    const { chain, records } = callChain(20);
    await store.ship(records.slice(0, 4));
    put(path, chain, records[place] as ChainRecord, new Uint8Array(32));
    const error = await store.ship(records.slice(4)).catch((thrown: unknown) => thrown);
    if (!(error instanceof GatewayError)) throw error;
    expect([error.code, error.data]).toEqual(["GW_AUDIT_FORK", { seq: place }]);
    expect(await store.head(chain)).toBe(3);
    const seqs = (await store.records(chain, 0, 99)).map(({ seq }) => seq);
    expect(seqs).toEqual([0, 1, 2, 3, place]);
    await store.close();
  });
});

test("the loop goes on while the store syncs", async () => {
  const store = sqliteStore({ path: join(home, "loop.db") });
  await store.migrate();
  const { records } = callChain(2000);
  let [longest, last] = [0, performance.now()];
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  await store.ship(records);
  clearInterval(timer);
  await store.close();
  // 4,000 records take the thread about 40 ms; packing them is all that the loop does.
  expect(longest).toBeLessThan(60);
});

/** Not `expect().rejects`: while that waits, answers of threads do not arrive. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "nothing refused it";
  } catch (thrown) {
    return thrown instanceof GatewayError ? thrown.code : String(thrown);
  }
}

const script = `
import { sqliteStore } from "./store/sqlite.ts";
const store = sqliteStore({ path: process.argv.at(-1) ?? "" });
await store.migrate();
console.log(JSON.stringify([await store.keysVersion(), await store.chains()]));
await store.close();
`;

test("its thread starts from source on Deno and in a compiled binary", async () => {
  const source = join(home, "src");
  mkdirSync(source);
  for (const folder of ["base", "receipt", "store"]) {
    cpSync(join(root, "src", folder), join(source, folder), { recursive: true });
  }
  const main = join(source, "main.ts");
  writeFileSync(main, `import process from "node:process";${script}`);
  const deno = join(root, "node_modules/.bin/deno");
  const run = (file: string, ...args: string[]) =>
    execFileSync(file, args, { cwd: home, encoding: "utf8" }).trim();
  expect(run(deno, "run", "-A", main, join(home, "deno.db"))).toBe("[0,[]]");

  const binary = join(home, "tiny");
  await Bun.build({
    entrypoints: [main, join(source, "store/sqlite-worker.ts")],
    root: source,
    compile: { outfile: binary },
    ...{ minify: true, bytecode: true, format: "esm", target: "bun", external: ["postgres"] },
  });
  rmSync(source, { recursive: true });
  expect(run(binary, join(home, "binary.db"))).toBe("[0,[]]");
}, 30_000);
