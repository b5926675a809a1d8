/** What `receipts verify` says of a copy, and with which exit code. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openAudit } from "../../src/audit/open.ts";
import { systemClock, systemRandom } from "../../src/base/system.ts";
import { runCommandLine } from "../../src/cli/run.ts";
import { sqliteStore } from "../../src/store/sqlite.ts";
import { memoryStore } from "../kit/memory-store.ts";
import { intentFields, outcomeFields } from "../kit/records.ts";

const home = mkdtempSync(join(tmpdir(), "gw-cli-verify-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** A run of one call and one refusal; stored, or on disk only. */
async function record(name: string, stored: boolean): Promise<void> {
  const dir = join(home, name, "spool");
  mkdirSync(dir, { recursive: true });
  const store = stored ? sqliteStore({ path: join(home, name, "store.db") }) : memoryStore();
  if ("down" in store) store.down = true;
  await store.migrate();
  const audit = await openAudit({
    ...{ dir, mode: "strict", spoolBytesMax: 2 ** 26, store, build: "test" },
    ...{ clock: systemClock, random: systemRandom, sys: { fallocate: () => false } },
    ...{ segmentBytes: 65_536, log: () => {} },
  });
  await audit.outcome(outcomeFields(audit.intent(intentFields()).seq)).durable;
  await audit.refusal(intentFields({ effect: "deny", outcome: "denied" })).durable;
  await audit.close(stored ? 5000 : 1);
  await store.close();
}
beforeAll(async () => {
  await record("stored", true);
  await record("spool", false);
});

async function verify(dir: string) {
  const out: string[] = [];
  const io = { out: (line: string) => out.push(line), err: () => {} };
  const line = ["receipts", "verify", "--dir", dir];
  const code = await runCommandLine(line, { ...io, env: {}, cwd: home, interactive: false });
  return { code, out };
}

test("one of each is said in the singular", async () => {
  for (const dir of ["stored", "spool"]) {
    expect(await verify(dir)).toEqual({
      code: 0,
      out: ["Well: 5 records in 1 chain, 1 call, 1 refused"],
    });
  }
});

test("A3 the newest records gone: TAMPERED, exit 1", async () => {
  cpSync(join(home, "stored"), join(home, "cut"), { recursive: true });
  const database = new DatabaseSync(join(home, "cut/store.db"));
  database.exec("delete from records where id & 1099511627775 > 2");
  database.exec(`update chain_heads set last_seq = 2, last_hash =
    (select hash from records order by id desc limit 1)`);
  database.close();
  const { code, out } = await verify("cut");
  expect([code, out.length]).toEqual([1, 2]);
  expect(out[0]).toStartWith("TAMPERED: chain ");
  expect(out[0]).toEndWith(
    "seq 4: spool/ledger.json says that this record was stored, but it ends at seq 2",
  );
  expect(out[1]).toBe("Records read before it, and well: 3.");
});

test("A15 bytes at the end that do not check: INCOMPLETE, exit 2", async () => {
  cpSync(join(home, "spool"), join(home, "torn"), { recursive: true });
  const path = join(home, "torn/spool/0000000001.seg");
  const bytes = readFileSync(path);
  bytes[bytes.lastIndexOf('"kind":"close"') + 9]! ^= 1;
  writeFileSync(path, bytes);
  const { code, out } = await verify("torn");
  expect(code).toBe(2);
  expect(out[0]).toMatch(
    /^INCOMPLETE: \d+ bytes at the end of the spool do not check: written but/,
  );
  expect(out[1]).toBe("What is here is well: 4 records in 1 chain, 1 call, 1 refused");
  // A gateway that starts on it records what it dropped, and claims no more than that.
  await record("torn", true);
  const after = await verify("torn");
  expect(after.code).toBe(0);
  expect(after.out[1]).toMatch(
    /^After crashes, \d+ bytes at the end of the spool did not check and went: written but never/,
  );
});
