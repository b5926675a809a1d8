/** The database in the live view: its pool, and what becomes of receipts while it is frozen. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { adminClient } from "../../src/admin/client.ts";
import { type LiveGauges, type LiveSnapshot, paths } from "../../src/admin/contract.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";
import { rawAgent } from "../kit/raw-agent.ts";
import { echo } from "../kit/servers.ts";

let postgres: TestPostgres;
let gateway: TestGateway;

beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  gateway = await startGateway({
    program: "bun",
    policy: 'id: p\nallow: ["*"]\n',
    config: {
      database: { url: postgres.adminUrl, pool: 3 },
      servers: { echo: { ...echo(), protocol: "legacy" } },
    },
  });
}, 30_000);
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await postgres?.stop();
}, 30_000);

const gauges = async (): Promise<LiveGauges> => {
  const client = adminClient({ socket: join(gateway.folder, "admin.sock") });
  return (await client.get<LiveSnapshot>(paths.snapshot)).gauges;
};
async function until(holds: (now: LiveGauges) => boolean): Promise<LiveGauges> {
  for (const end = performance.now() + 12_000; ; await Bun.sleep(50)) {
    const now = await gauges();
    if (holds(now)) return now;
    if (performance.now() > end) throw new Error(`not so: ${JSON.stringify(now.store)}`);
  }
}

test("pool, times and behaviour: well, frozen, well again", async () => {
  const well = await until(({ store }) => store.ok && (store.pool?.idle ?? 0) > 0);
  expect(well.store).toMatchObject({ kind: "postgres", error: null });
  expect(well.store.pool?.max).toBe(3);
  expect(well.store.pool?.queryP95Ms).toBeGreaterThan(0);
  expect(well.spool.behaviour).toBe("writing receipts and shipping them to the store");

  const agent = await rawAgent(gateway.url, await gateway.key("executor"));
  postgres.freeze();
  // The call does not wait for the database; its receipts do.
  await agent.call("echo__echo", { text: "x" });
  const frozen = await until(({ store }) => !store.ok && store.error !== null);
  expect(frozen.store.error).toContain("no answer in");
  expect(frozen.spool.behaviour).toBe("keeping receipts in the spool until the store is back");
  expect(frozen.spool.records).toBeGreaterThan(0);
  await until(({ store }) => (store.pool?.busy ?? 0) > 0);

  postgres.resume();
  const again = await until(({ store, spool }) => store.ok && spool.records === 0);
  expect(again.spool.behaviour).toBe("writing receipts and shipping them to the store");
}, 40_000);
