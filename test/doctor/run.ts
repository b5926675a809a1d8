/** Fault cases as tests. */

import { expect, test } from "bun:test";
import { type FaultCase, runFault } from "./cases.ts";

/** Sources run as they are: no build. `prove:debugging` runs the same cases on the binary. */
export function testFaults(cases: readonly FaultCase[]): void {
  for (const one of cases) {
    const name = one.guide === undefined ? one.name : `${one.name} (guide: ${one.guide})`;
    test(name, async () => {
      const ran = await runFault(one, "bun");
      expect(ran.tookMs).toBeLessThan(5_000);
      // Every finding says what it means and what to do.
      expect(ran.finding.fix).not.toBe("");
      expect(ran.finding.cause).not.toBe("");
    }, 30_000);
  }
}
