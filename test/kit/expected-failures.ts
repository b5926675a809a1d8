/** What a run of the conformance suite may fail, against what it failed. */

import type { Outcome } from "./suite.ts";

/** By scenario: the checks that may fail (all, where none is named), and why. */
export type Expected = Readonly<
  Record<string, { readonly checks?: readonly string[]; readonly why: string }>
>;

export interface Judged {
  /** Scenarios that fail though nothing, or not all of it, is expected. */
  readonly surprising: readonly string[];
  /** Entries whose scenario passes or is not there, and checks that pass. */
  readonly stale: readonly string[];
}

export function judge(outcomes: readonly Outcome[], expected: Expected): Judged {
  const surprising: string[] = [];
  const stale: string[] = [];
  for (const { scenario, faults } of outcomes) {
    const entry = expected[scenario];
    if (faults.length === 0) {
      if (entry !== undefined) stale.push(scenario);
      continue;
    }
    const allowed = entry?.checks ?? faults.map(({ check }) => check);
    const failing = new Set(faults.map(({ check }) => check));
    if (entry === undefined || [...failing].some((check) => !allowed.includes(check))) {
      surprising.push(scenario);
    }
    const passing = allowed.filter((check) => !failing.has(check));
    stale.push(...passing.map((check) => `${scenario}: ${check}`));
  }
  const known = new Set(outcomes.map(({ scenario }) => scenario));
  stale.push(...Object.keys(expected).filter((scenario) => !known.has(scenario)));
  return { surprising, stale };
}
