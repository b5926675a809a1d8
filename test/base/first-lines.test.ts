/** A long list of problems where there is one line for it. */

import { expect, test } from "bun:test";
import { fault } from "../../src/base/errors.ts";
import { firstLines, tellsAll } from "../../src/base/first-lines.ts";
import { findingOf } from "../../src/doctor/finding.ts";

const lines = (count: number) =>
  Array.from({ length: count }, (_, index) => `  p.yaml:${index + 1}:1 no rule`).join("\n");

test("the first three, how many more, and the command that tells all", () => {
  const told = "p.yaml:1:1 no rule; p.yaml:2:1 no rule; p.yaml:3:1 no rule";
  expect(firstLines(`\n${lines(3)}`, "x")).toBe(told);
  const error = fault("GW_POLICY", { message: "m", cause: `\n${lines(25)}` });
  expect(findingOf("gateway", error).cause).toBe(
    `${told}; and 22 more: \`authensor-gw policy check\``,
  );
  expect(tellsAll("GW_CONFIG")).toBe("authensor-gw check");
});

test("a long one is cut between words", () => {
  expect(firstLines(`start ${"word ".repeat(200)}`, "x")).toMatch(/^start (word )+word…$/);
  expect(firstLines("x".repeat(500), "x")).toBe(`${"x".repeat(400)}…`);
});
