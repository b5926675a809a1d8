/** Faults of load: what the gateway may have of its database and its disk is used up. */

import { join } from "node:path";
import type { LiveSnapshot } from "../../src/admin/contract.ts";
import type { Bench, FaultCase } from "./cases.ts";
import { fillSpool } from "./fill-spool.ts";

interface OnDatabase {
  before(): Promise<{ config: { readonly database: string } }>;
  works(bench: Bench): Promise<string>;
  owner(sql: string): Promise<unknown>;
  lock(bench: Bench): Promise<unknown>;
  endLock(bench: Bench): Promise<unknown>;
}

export const isAway = ({ gauges }: LiveSnapshot) => !gauges.store.ok;

export function loadFaults(on: OnDatabase): readonly FaultCase[] {
  const { before, works, owner, lock, endLock } = on;
  return [
    {
      name: "every connection of the gateway's pool is busy, and more are wanted",
      guide: "Check resource exhaustion: connection pool exhaustion causes intermittent failures",
      async before() {
        const { config } = await before();
        return { config: { ...config, database: { url: config.database, pool: 1 } } };
      },
      async fault(bench) {
        await works(bench);
        await owner(slowInserts);
        // A receipt has the only connection and waits in it, who reads receipts waits for that.
        let over = false;
        const asking = async (ask: () => Promise<unknown>) => {
          while (!over) await ask();
        };
        const list = () => bench.gateway.cli("receipts", "list");
        const askers = [asking(() => works(bench)), asking(list), asking(list)];
        bench.later(async () => {
          over = true;
          await Promise.all(askers);
        });
      },
      finds: {
        link: "gateway",
        code: "GW_DB_POOL",
        severity: "warning",
        saw: /all 1 connections of the gateway's pool are busy, \d+ wait/,
        fix: /slow in the database; or raise database\.pool, then restart/,
      },
      agent: works,
      agentSays: /^200 /,
      mend: () => owner("drop trigger slow on receipts"),
    },
    {
      name: "the spool is full",
      screen: { keys: ["6"], until: isAway },
      guide: "Check database connectivity. The gateway writes audit receipts to PostgreSQL",
      async before() {
        const { config } = await before();
        return { config: { ...config, audit: { spool: { max: "128MiB" } } } };
      },
      async fault(bench) {
        await works(bench);
        await bench.gateway.stop();
        await fillSpool(join(bench.gateway.folder, "data/spool"), 128 * 1024 ** 2);
        await lock(bench);
        await bench.gateway.restart();
      },
      finds: {
        link: "gateway",
        code: "GW_AUDIT_FULL",
        severity: "error",
        saw: /the spool holds \d+ receipts, 10\d % of 96 MiB/,
        fix: /bring the database back/,
      },
      agent: works,
      agentSays: /GW_AUDIT_FULL/,
      mend: endLock,
    },
  ];
}

/** As a disk that is busy makes them. */
const slowInserts = `
  create function slow() returns trigger language plpgsql as
    'begin perform pg_sleep(2); return new; end';
  create trigger slow before insert on receipts for each statement execute function slow();`;
