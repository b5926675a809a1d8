/** L10: the name of a database is looked up as those of servers are. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { GatewayError } from "../../src/base/errors.ts";
import type { Lookup } from "../../src/base/ports.ts";
import { postgresStore } from "../../src/store/postgres.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

async function pingBy(
  lookup: Lookup,
  queryMs = 3_000,
  address = server.adminUrl,
): Promise<GatewayError | undefined> {
  const url = address.replace("127.0.0.1", "db.test").replace("localhost", "db.test");
  const store = postgresStore({ url, pool: 1, queryMs, lookup });
  try {
    await store.migrate();
    await store.ping();
    return undefined;
  } catch (thrown) {
    return thrown as GatewayError;
  } finally {
    await store.close();
  }
}

test("every address is tried, in turn", async () => {
  const asked: string[] = [];
  const lookup: Lookup = async (host) => {
    asked.push(host);
    return ["::1", "127.0.0.1"];
  };
  expect(await pingBy(lookup)).toBeUndefined();
  expect(asked).toContain("db.test");
});

test("a name that nobody knows is told as that", async () => {
  const error = await pingBy(async (host) => {
    throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
  });
  expect(error?.code).toBe("GW_DATABASE");
  expect(error?.why).toContain("ENOTFOUND");
});

test("where no address takes a connection, one of them is told", async () => {
  const nobody = "postgres://me:secret@127.0.0.1:1/db";
  const error = await pingBy(async () => ["127.0.0.1", "127.0.0.2"], 3_000, nobody);
  expect(error?.code).toBe("GW_DATABASE");
  expect(error?.why).toMatch(/ECONNREFUSED 127\.0\.0\.[12]:1/);
});

test("L10 a name that nobody answers for ends with the deadline", async () => {
  const began = performance.now();
  const error = await pingBy(() => new Promise(() => undefined), 500);
  expect(error?.code).toBe("GW_DATABASE");
  expect(performance.now() - began).toBeLessThan(5_000);
});
