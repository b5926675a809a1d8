import { describe, expect, test } from "bun:test";
import { type Expected, judge } from "../kit/expected-failures.ts";
import type { Outcome } from "../kit/suite.ts";

const why = "it cannot be";

function outcome(scenario: string, ...checks: readonly string[]): Outcome {
  const faults = checks.map((check) => ({ check, message: "" }));
  return { scenario, scored: true, passed: 1, faults };
}

interface Case {
  readonly name: string;
  readonly outcomes: readonly Outcome[];
  readonly expected: Expected;
  readonly surprising: readonly string[];
  readonly stale: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "all passes and nothing is expected to fail",
    outcomes: [outcome("a")],
    expected: {},
    surprising: [],
    stale: [],
  },
  {
    name: "a failure nobody expects",
    outcomes: [outcome("a", "x")],
    expected: {},
    surprising: ["a"],
    stale: [],
  },
  {
    name: "an expected failure, with and without its checks",
    outcomes: [outcome("a", "x", "x"), outcome("b", "y")],
    expected: { a: { checks: ["x"], why }, b: { why } },
    surprising: [],
    stale: [],
  },
  {
    name: "a further check of an expected failure",
    outcomes: [outcome("a", "x", "y")],
    expected: { a: { checks: ["x"], why } },
    surprising: ["a"],
    stale: [],
  },
  {
    name: "an entry that passes, a check that passes, an entry for no scenario",
    outcomes: [outcome("a"), outcome("b", "x")],
    expected: { a: { why }, b: { checks: ["x", "y"], why }, gone: { why } },
    surprising: [],
    stale: ["a", "b: y", "gone"],
  },
];

describe("expected failures of the conformance suite", () => {
  test.each(cases)("$name", ({ outcomes, expected, surprising, stale }) => {
    expect(judge(outcomes, expected)).toEqual({ surprising: [...surprising], stale: [...stale] });
  });
});
