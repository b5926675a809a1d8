/** Fault cases as tests. */

import { expect, test } from "bun:test";
import { type FaultCase, runFault } from "./cases.ts";
import { type Healthy, runHealthy } from "./healthy.ts";

/** Sources run as they are: no build. `prove:debugging` runs the same cases on the binary. */
export function testFaults(cases: readonly FaultCase[]): void {
  for (const one of cases) {
    const name = one.guide === undefined ? one.name : `${one.name} (guide: ${one.guide})`;
    test.skipIf(one.possible === false)(
      name,
      async () => {
        const ran = await runFault(one, "bun");
        expect(ran.tookMs).toBeLessThan(5_000);
        // Every finding says what it means and what to do.
        expect(ran.finding.fix).not.toBe("");
        expect(ran.finding.cause).not.toBe("");
      },
      30_000,
    );
  }
}

export function testHealthy(setups: readonly Healthy[]): void {
  const findsNothing = (one: Healthy) => async () => {
    for (const report of await runHealthy(one, "bun")) {
      expect(report.findings).toEqual([]);
      expect([report.ok, report.code]).toEqual([true, 0]);
      // A check that was not done in time would find nothing too.
      expect(report.notes.filter((note) => note.includes("not finished"))).toEqual([]);
      expect(report.tookMs).toBeLessThan(5_000);
    }
  };
  for (const one of setups) {
    test.skipIf(one.possible === false)(one.name, findsNothing(one), 30_000);
  }
}
