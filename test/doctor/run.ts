/** Fault cases as tests. Each mostly waits, so the next ones are begun before their turn. */

import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type FaultCase, runFault } from "./cases.ts";
import { type Healthy, runHealthy } from "./healthy.ts";

/**
 * Sources run as they are: no build. `prove:debugging` runs the same cases on the binary. `width`:
 * how many at once; 1 where cases share what they break.
 */
export function testFaults(cases: readonly FaultCase[], width = 3): void {
  const result = ahead(cases, width, (one) => runFault(one, "bun"));
  for (const [index, one] of cases.entries()) {
    const name = one.guide === undefined ? one.name : `${one.name} (guide: ${one.guide})`;
    const finds = async () => {
      const ran = await result(index);
      expect(ran.tookMs).toBeLessThan(5_000);
      // Every finding says what it means and what to do.
      expect(ran.finding.fix).not.toBe("");
      expect(ran.finding.cause).not.toBe("");
      if (ran.screen !== undefined) expectScreen(one.name, ran.screen);
    };
    test.skipIf(one.possible === false)(name, finds, 120_000);
  }
}

const folder = join(import.meta.dirname, "../cases/tui/faults");

/** After a wanted change: UPDATE_GOLDENS=1, as for the screens of the demo. */
function expectScreen(name: string, screen: string): void {
  const path = join(folder, `${name.replaceAll(/[^a-zA-Z]+/g, "-")}.txt`);
  if (process.env["UPDATE_GOLDENS"] === "1") {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, screen);
  }
  expect(screen).toBe(readFileSync(path, "utf8"));
}

export function testHealthy(setups: readonly Healthy[], width = 3): void {
  const result = ahead(setups, width, (one) => runHealthy(one, "bun"));
  for (const [index, one] of setups.entries()) {
    const findsNothing = async () => {
      const reports = await result(index);
      // That of `--key my-agent`.
      const live = expect.stringMatching(
        /^key "my-agent" is live: executor; it sees (\d+) of \1 tools$/,
      );
      expect(reports[1]?.notes).toContainEqual(live);
      for (const report of reports) {
        expect(report.findings).toEqual([]);
        expect([report.ok, report.code]).toEqual([true, 0]);
        // A check that was not done in time would find nothing too.
        expect(report.notes.filter((note) => note.includes("not finished"))).toEqual([]);
        expect(report.tookMs).toBeLessThan(5_000);
      }
    };
    test.skipIf(one.possible === false)(one.name, findsNothing, 120_000);
  }
}

/** Gives the result of a case, and begins those after it. */
function ahead<C extends { readonly possible?: boolean }, R>(
  cases: readonly C[],
  width: number,
  run: (one: C) => Promise<R>,
): (index: number) => Promise<R> {
  const begun = new Map<number, Promise<R>>();
  const begin = (index: number): Promise<R> => {
    const before = begun.get(index);
    if (before !== undefined) return before;
    const result = run(cases[index] as C);
    // Whoever awaits it in its own turn is told.
    result.catch(() => undefined);
    begun.set(index, result);
    return result;
  };
  return (index) => {
    for (let next = index + 1; next < Math.min(cases.length, index + width); next++) {
      if (cases[next]?.possible !== false) void begin(next);
    }
    return begin(index);
  };
}
