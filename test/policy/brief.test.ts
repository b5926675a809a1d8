/** Texts that no rule may read stand as their length: that must change no decision. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Brief, type BriefObject, LongText } from "../../src/base/brief.ts";
import { limits } from "../../src/base/limits.ts";
import { operators } from "../../src/policy/library-operators.ts";
import type { Facts } from "../../src/policy/model.ts";
import { executor, facts, load, tool } from "./kit.ts";
import { factsOf, rules, subjectOf, targetOf, worlds } from "./random.ts";

const long = "x".repeat(limits.subjectBytes + 1);

/** The same tree twice: with long texts where these stood, and with their length. */
function twice(value: Brief, texts: ReadonlySet<string>, as: string | LongText): Brief {
  if (typeof value === "string") return texts.has(value) ? as : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((one: Brief) => twice(one, texts, as));
  const members = Object.entries(value as BriefObject);
  return Object.fromEntries(members.map(([key, one]) => [key, twice(one, texts, as)]));
}

test("P6 a brief tree is decided and explained as the whole one", () => {
  const texts = fc.constantFrom(["", "a", "/srv/a", "b", "abc"], ["ab", "10.0.0.1", "é😀"]);
  const many = fc.array(worlds, { minLength: 10, maxLength: 10 });
  let met = 0;
  fc.assert(
    fc.property(rules, many, texts, (list, calls, some) => {
      const policy = load(JSON.stringify({ id: "d", ...(list.length > 0 ? { rules: list } : {}) }));
      for (const world of calls) {
        const candidates = policy.candidates(subjectOf(world), targetOf(world));
        const of = (as: string | LongText): Facts => {
          const args = twice(world.args, new Set(some), as) as BriefObject;
          return { ...factsOf(world), args };
        };
        const whole = of(long);
        const brief = of(new LongText(0, long.length));
        expect(candidates.decide(brief)).toEqual(candidates.decide(whole));
        const told = JSON.stringify(candidates.explain(whole));
        if (!told.includes(long)) continue;
        met += 1;
        const wanted = JSON.parse(told, (_key, one) => (one === long ? undefined : one));
        expect(JSON.parse(JSON.stringify(candidates.explain(brief)))).toEqual(wanted);
      }
    }),
    { numRuns: 2000 },
  );
  // Or nothing was compared but trees without long texts.
  expect(met).toBeGreaterThan(50);
}, 120_000);

describe("each operator on a long text says what it says on the whole", () => {
  const operands: Readonly<Record<string, string>> = {
    ...{ eq: "x", ne: "x", one_of: "[x, 1]", none_of: "[x]", lt: "1", lte: "1", gt: "1", gte: "1" },
    ...{ glob: '"*"', starts_with: "x", ends_with: "x", contains: "x", contains_any: "[x]" },
    ...{ path: "/srv/**", url: "{ scheme: https }", cidr: "10.0.0.0/8", re2: "x" },
    ...{ length: `${long.length}`, min_length: "9", max_length: "9", min_items: "0" },
    ...{ max_items: "9", keys_only: "[length, start]", type: "object", exists: "true" },
    absent: "true",
  };
  test("all are here", () => {
    expect(Object.keys(operands).sort()).toEqual(Object.keys(operators).sort());
  });
  for (const [name, operand] of Object.entries(operands)) {
    test(name, () => {
      const of = (effect: string): string => `
rules:
  - { id: r, effect: ${effect}, tools: ["s/a"], when: { args.a: { ${name}: ${operand} } } }
  - { id: in, effect: ${effect}, tools: ["s/a"], when: { args.a.length: { exists: true } } }
  - { id: each, effect: ${effect}, tools: ["s/a"], when: { "args.b[*]": { ${name}: ${operand} } } }`;
      for (const effect of ["allow", "deny"]) {
        const candidates = load(of(effect)).candidates(executor, tool("s/a", ["a", "b"]));
        const [whole, brief] = [long, new LongText(0, long.length)].map((as) => {
          const { decision, rules } = candidates.explain(facts({ a: as, b: [as] } as never));
          const results = rules.map(({ result, conditions }) => [
            ...[result, conditions.map((one) => one.note)],
          ]);
          return { decision, results };
        });
        expect(brief as unknown).toEqual(whole);
      }
    });
  }
});
