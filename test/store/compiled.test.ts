/** Postgres' answers mean the same in a program that build.ts compiles as from source. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../build.ts";
import { startChild } from "../kit/child.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";
import { storeAnswers } from "./answers.ts";

const folder = mkdtempSync(join(tmpdir(), "gw-compiled-"));
let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres({ durable: false });
}, 30_000);
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a taken name, a missing grant, a fork and a batch that comes twice are no outage", async () => {
  const source = await server.database("source");
  const compiled = await server.database("compiled");
  const fromSource = await storeAnswers(source.url, source.adminUrl);
  const codes = Object.entries(fromSource).map(([what, told]) => [what, told.split(" ", 1)[0]]);
  expect(Object.fromEntries(codes)).toEqual({
    ...{ "no tables": "GW_DATABASE", migrated: "ok", shipped: "ok", "shipped again": "ok" },
    ...{ "two at once": "ok", forged: "GW_AUDIT_FORK", key: "ok", "name taken": "GW_NAME" },
    ...{ "key of nobody": "GW_NAME", "no grant": "GW_DATABASE", password: "GW_DATABASE" },
    ...{ "then still": "ok", "class of the package": "PostgresError" },
  });
  expect(fromSource["no grant"]).toContain("the grants of docs/database.md");
  const entry = join(import.meta.dirname, "answers.ts");
  const program = await compile({ entry, outfile: join(folder, "answers") });
  const env = { URL: compiled.url, ADMIN_URL: compiled.adminUrl };
  const child = startChild([program], { env });
  expect([await child.ended, child.stderr()]).toEqual([0, ""]);
  await Bun.sleep(20);
  expect(JSON.parse(child.stdout())).toEqual(fromSource);
}, 60_000);
