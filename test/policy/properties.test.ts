import { describe, expect, test } from "bun:test";
import process from "node:process";
import fc from "fast-check";
import type { Candidates, Decision, Policy } from "../../src/policy/model.ts";
import { load } from "./kit.ts";
import { type Doc, oracle, type World } from "./oracle.ts";
import { factsOf, rules, shorthand, subjectOf, targetOf, values, worlds } from "./random.ts";

/** POLICY_PAIRS=1000000 for the long run. */
const pairs = Number(process.env["POLICY_PAIRS"] ?? 20_000);
const some = { numRuns: Math.ceil(pairs / 20) };

function prepare(policy: Policy, world: World): Candidates {
  return policy.candidates(subjectOf(world), targetOf(world));
}

function decide(docs: readonly Doc[], world: World): Decision {
  return prepare(loadDocs(docs), world).decide(factsOf(world));
}

/** JSON is YAML, so a document as data is a policy file. */
function loadDocs(docs: readonly Doc[]): Policy {
  return load(...docs.map((doc) => JSON.stringify({ id: "d", ...doc })));
}

function text({ effect, code }: Decision): string {
  return code === undefined ? effect : `${effect} ${code}`;
}

const width = { deny: 0, ask: 1, allow: 2 } as const;

test(`engine and oracle agree on ${pairs} pairs of policy and call`, () => {
  const seen = new Map<string, number>();
  const calls = 20;
  fc.assert(
    fc.property(
      rules,
      shorthand,
      fc.integer({ min: 0, max: 3 }),
      fc.array(worlds, { minLength: calls, maxLength: calls }),
      (list, short, split, many) => {
        const lists = split === 0 ? short : {};
        const docs = [
          { ...lists, ...(list.length > split ? { rules: list.slice(split) } : {}) },
          ...(split > 0 && list.length > 0 ? [{ rules: list.slice(0, split) }] : []),
        ];
        const policy = loadDocs(docs);
        for (const world of many) {
          const candidates = prepare(policy, world);
          const facts = factsOf(world);
          const decision = candidates.decide(facts);
          expect(text(decision)).toBe(oracle(docs, world));
          expect(candidates.explain(facts).decision).toEqual(decision);
          // P12: what is hidden is denied; what is shown as allowed is, with declared arguments.
          if (candidates.visibility === "deny") expect(decision.effect).toBe("deny");
          if (candidates.visibility === "allow" && declaredOnly(world)) {
            expect(decision.effect).toBe("allow");
          }
          seen.set(text(decision), (seen.get(text(decision)) ?? 0) + 1);
        }
      },
    ),
    { numRuns: Math.ceil(pairs / calls) },
  );
  // The generator must reach every outcome often, or agreement means nothing.
  for (const outcome of ["allow", "ask GW_ASK", "deny GW_DENIED", "deny GW_NO_RULE"]) {
    expect(seen.get(outcome) ?? 0).toBeGreaterThan(pairs / 50);
  }
}, 600_000);

test("P27 what a key was told before never changes what it is told", () => {
  fc.assert(
    fc.property(rules, fc.array(worlds, { minLength: 6, maxLength: 6 }), (list, many) => {
      const policy = loadDocs(list.length > 0 ? [{ rules: list }] : []);
      const candidates = prepare(policy, many[0] as World);
      for (const world of [...many, ...many.toReversed()]) {
        const facts = factsOf(world);
        const { decision } = candidates.explain(facts);
        expect(candidates.decide(facts)).toEqual(decision);
        expect(candidates.decide(facts)).toEqual(decision);
      }
    }),
    some,
  );
}, 600_000);

function declaredOnly(world: World): boolean {
  const declared = world.declared ?? [];
  return Object.keys(world.args).every((name) => declared.includes(name));
}

test("P27 the order of rules, files and texts never changes the decision", () => {
  fc.assert(
    fc.property(rules, worlds, fc.infiniteStream(fc.nat({ max: 2 })), (list, world, where) => {
      const before = decide(
        [{ rules: list }].filter(() => list.length > 0),
        world,
      );
      const bins: Doc[][] = [[], [], []];
      for (const one of [...list].reverse()) bins[where.next().value as number]!.push(one);
      const docs = bins.filter((bin) => bin.length > 0).map((bin) => ({ rules: bin }));
      const after = decide(docs, world);
      expect([after.effect, after.code, after.rule?.id, after.hint]).toEqual([
        before.effect,
        before.code,
        before.rule?.id,
        before.hint,
      ]);
      expect([...after.matched].sort()).toEqual([...before.matched].sort());
    }),
    some,
  );
}, 60_000);

describe("monotone", () => {
  test("adding a deny or an ask never widens", () => {
    fc.assert(
      fc.property(rules, rules, worlds, (list, more, world) => {
        const base: Doc[] = [
          { id: "base", effect: "allow", tools: ["*"], other_args: "any" },
          ...list,
        ];
        const added = more
          .filter((one) => one["effect"] !== "allow")
          .map((one, index) => ({ ...one, id: `x${index}` }));
        const before = decide([{ rules: base }], world).effect;
        const after = decide([{ rules: [...base, ...added] }], world).effect;
        expect(width[after]).toBeLessThanOrEqual(width[before]);
      }),
      some,
    );
  }, 60_000);

  test("removing an allow never widens", () => {
    fc.assert(
      fc.property(rules, fc.nat({ max: 4 }), worlds, (list, index, world) => {
        if (list[index]?.["effect"] !== "allow") return;
        const keep: Doc = { id: "keep", effect: "deny", tools: ["none/none"] };
        const before = decide([{ rules: [keep, ...list] }], world).effect;
        const rest = list.filter((_, at) => at !== index);
        const after = decide([{ rules: [keep, ...rest] }], world).effect;
        expect(width[after]).toBeLessThanOrEqual(width[before]);
      }),
      some,
    );
  }, 60_000);
});

test("deciding is total on hostile trees", () => {
  const policy = load(`rules:
  - { id: p, effect: deny, tools: ["*"], unless: { args.a?: { path: "/srv/**" } } }
  - id: u
    effect: deny
    tools: ["*"]
    when: { args.a?: { url: { private: true, path: "/x/**" } } }
  - { id: r, effect: deny, tools: ["*"], when: { "args.a[*]": { re2: "(a+)+$" } } }
  - { id: c, effect: deny, tools: ["*"], when: { args.a: { cidr: "fd00::/8" } } }
  - { id: t, effect: allow, tools: ["*"], when: { "args.a.b.c[*]": { type: integer } } }`);
  const odd = fc.string({ unit: "binary", maxLength: 40 });
  const units = fc.array(fc.nat({ max: 65_535 }), { maxLength: 20 });
  const broken = units.map((codes) => String.fromCharCode(...codes));
  const urls = fc
    .tuple(fc.constantFrom("http://", "https:", "file:", ""), odd)
    .map((of) => of.join(""));
  const addresses = fc.string({
    unit: fc.constantFrom(..."0123456789abcdef:./[]%xX"),
    maxLength: 45,
  });
  fc.assert(
    fc.property(fc.oneof(values, odd, broken, urls, addresses), worlds, (a, world) => {
      const facts = { ...factsOf(world), args: JSON.parse(JSON.stringify({ a })) };
      const candidates = prepare(policy, world);
      expect(["allow", "ask", "deny"]).toContain(candidates.decide(facts).effect);
      expect(candidates.explain(facts).decision).toEqual(candidates.decide(facts));
    }),
    { numRuns: Math.ceil(pairs / 4) },
  );
}, 60_000);
