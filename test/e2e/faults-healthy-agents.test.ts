/** Agents' configs and databases in which nothing is wrong: no finding of any kind. */

import { afterAll, beforeAll, describe } from "bun:test";
import { healthyAgents, healthyDatabases } from "../doctor/healthy.ts";
import { testHealthy } from "../doctor/run.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
}, 30_000);
afterAll(async () => await postgres.stop());

describe("doctor finds nothing", () => {
  testHealthy(healthyAgents);
  testHealthy(
    healthyDatabases(() => postgres),
    1,
  );
});
