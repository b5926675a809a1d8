/** docs/database.md, "Two roles", step by step, with a role that may only connect at first. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { startGateway } from "../kit/gateway.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";
import { grants } from "../store/grants.ts";

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres({ durable: false });
}, 30_000);
afterAll(async () => await server.stop());

/** A database of its own and a role that may only connect. */
async function freshDatabase(): Promise<{ admin: string; mine: string }> {
  const sql = postgres(server.adminUrl, { max: 1, onnotice: () => {} });
  await sql.unsafe("create role newcomer login password 'newcomer'");
  await sql.unsafe("create database fresh");
  await sql.end();
  const admin = new URL(server.adminUrl);
  admin.pathname = "/fresh";
  const mine = new URL(admin);
  mine.username = "newcomer";
  mine.password = "newcomer";
  return { admin: admin.href, mine: mine.href };
}

test("a start makes the tables, the grants let it in, then keys can be made", async () => {
  const { admin, mine } = await freshDatabase();
  await using gateway = await startGateway({
    program: "binary",
    expectFailure: true, // it starts; only no key can be made before
    config: { database: { url: mine, admin_url: admin }, servers: {} },
  });
  await gateway.child().says(/gateway is up/);
  const before = await gateway.cli("status");
  expect([before.code, before.stdout]).toEqual([1, expect.stringContaining("(42501)")]);
  const make = () => gateway.cli("keys", "create", "--role", "admin", "--name", "first");
  const refused = await make();
  expect(refused.code).toBe(69);
  expect(refused.stderr).toContain(
    'Try: give the role the grants of docs/database.md, "Two roles"',
  );
  expect((await gateway.cli("check")).stderr).toContain("permission denied");

  const owner = postgres(admin, { max: 1, onnotice: () => {} });
  for (const grant of grants()) await owner.unsafe(grant.replace(/\bgateway\b/g, "newcomer"));
  await owner.end();
  let made = await make();
  for (let tries = 0; made.code !== 0 && tries < 20; tries++) made = await make();
  expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/^agw_/)]);
  // Known by its SQLSTATE, in the binary too.
  const keyFile = join(gateway.folder, "first.key");
  writeFileSync(keyFile, made.stdout, { mode: 0o600 });
  const again = ["keys", "create", "--role", "admin", "--name", "first", "--key-file", keyFile];
  const twice = await gateway.cli(...again);
  expect([twice.code, twice.stderr]).toEqual([3, expect.stringContaining("GW_NAME")]);
  for (let tries = 0; tries < 50; tries++) {
    if ((await gateway.cli("status")).code === 0) break;
  }
  expect((await gateway.cli("check")).stderr).not.toContain("42501");
  const status = await gateway.cli("status");
  expect(status.stdout).toMatch(/^store {5}postgres ok\n(?:.*\n)?warning {3}fsync is off/m);
}, 40_000);
