/** Faults of a real Postgres: what doctor finds, that calls go on, what mends it. */

import { afterAll, beforeAll, describe } from "bun:test";
import { databaseFaults } from "../doctor/faults-gateway.ts";
import { pastDatabase } from "../doctor/faults-over.ts";
import { testFaults } from "../doctor/run.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
}, 30_000);
afterAll(async () => await postgres.stop());

describe("the database", () => {
  testFaults(
    databaseFaults(() => postgres),
    1,
  );
  testFaults(
    pastDatabase(() => postgres),
    1,
  );
});
