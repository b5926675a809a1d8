import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { Json } from "../../src/base/json.ts";
import { operators } from "../../src/policy/library-operators.ts";
import type { Decision, Policy } from "../../src/policy/model.ts";
import { ask, load, oneRule } from "./kit.ts";

const page = readFileSync(new URL("../../docs/policy.md", import.meta.url), "utf8");
const [, ...blocks] = page.split("```");
/** Text inside fences alternates with text between them. */
const fences = blocks.filter((_, index) => index % 2 === 0);

describe("each example of docs/policy.md decides as the page says", () => {
  for (const [index, fence] of fences.entries()) {
    if (!fence.startsWith("yaml\n")) continue;
    const cases = (fences[index + 1] ?? "").split("\n").slice(1, -1);
    test(`example ${index / 2 + 1}`, () => {
      expect(fences[index + 1]).toStartWith("cases\n");
      const policy = load(fence.slice("yaml\n".length));
      for (const line of cases) {
        const [said, wanted] = line.startsWith("resource ")
          ? read(policy, line)
          : call(policy, line);
        expect([line, said]).toEqual([line, wanted]);
      }
    });
  }
});

/** What the policy says of a line, and what the line says. */
function call(policy: Policy, line: string): [string, string] {
  const begin = line.indexOf("{");
  const end = line.lastIndexOf("}") + 1;
  const args = JSON.parse(line.slice(begin, end));
  const declared = Object.keys(args).filter((name) => name !== "undeclared");
  // `12:00 ` in front: the hour, UTC; without one it is noon. `prompt `: no tool of that name.
  const words = line.slice(0, begin).trim().split(" ").reverse();
  const [name = "", before = "12:00"] = words;
  const kind = before === "prompt" ? "prompt" : "tool";
  const time = kind === "prompt" ? "12:00" : before;
  const facts = { nowMs: Date.parse(`2026-11-23T${time}:00Z`) };
  return [verdict(ask(policy, name, args, { declared, facts, kind })), line.slice(end).trim()];
}

function read(policy: Policy, line: string): [string, string] {
  const [, name = "", ...wanted] = line.split(" ").filter((word) => word !== "");
  const facts = { nowMs: 0 };
  const asked = ask(policy, name, { uri: name }, { facts, kind: "resource" });
  return [verdict(asked), wanted.join(" ")];
}

function verdict({ effect, code }: Decision): string {
  return [effect, code].filter((one) => one !== undefined).join(" ");
}

describe("the table of operators", () => {
  const rows = page
    .split("\n")
    .filter((line) => line.startsWith("| `") && line.split("|").length === 8)
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")));

  test("has every operator once, in order", () => {
    expect(rows.map((row) => row[1]!)).toEqual(Object.keys(operators));
  });

  for (const row of rows) {
    const [, operator, operand, , ...values] = row as [string, string, string, string, ...string[]];
    test(operator, () => {
      for (const [index, wanted] of ["true", "false", "unknown"].entries()) {
        const text = values[index];
        if (text === undefined || text === "") continue;
        const args = { v: JSON.parse(text) as Json };
        const decide = (effect: "allow" | "deny") =>
          ask(oneRule(effect, "args.v", operator, parse(operand) as Json), "t/x", args);
        const denies = decide("deny").code === "GW_DENIED";
        const allows = decide("allow").effect === "allow";
        const is = denies ? (allows ? "true" : "unknown") : "false";
        expect([operator, text, is]).toEqual([operator, text, wanted]);
      }
    });
  }
});
