import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { foldKey } from "../../src/base/fold-key.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { limits } from "../../src/base/limits.ts";
import { hasTwin, nameOf } from "../../src/policy/twin.ts";
import { ask, executor, facts, load, oneRule, tool } from "./kit.ts";

/** Keys that some server takes for `path`. */
const twins = {
  P2: ["Path", "PATH", "pAth", "ｐａｔｈ", "𝐩𝐚𝐭𝐡", "ⓟath", "ﬁ"],
  P3: [
    "path\u0000",
    "path\u0000x",
    "path\u0000é",
    "\u0000path",
    "pa\u0000th",
    "path\u001f",
    "\u007fpath",
    "path\u0085",
    "path ",
    "\u00a0path",
    "path\u200b",
    "pa\u00adth",
    "path\ufeff",
    "path\ufe0f",
    "path\u{e0001}",
    "Path\u0000",
  ],
} as const;
const name = (twin: string): string => (twin === "ﬁ" ? "fi" : "path");

for (const row of ["P2", "P3"] as const) {
  describe(`${row} a key that a server could take for the one that a rule reads`, () => {
    for (const twin of twins[row]) {
      const read = name(twin);
      const shown = JSON.stringify(twin);
      const srv = { path: "/srv/**" };
      const allow = (path: string): ReturnType<typeof load> =>
        oneRule("allow", path, "path", "/srv/**");
      const at = (path: string, args: JsonObject) => ask(allow(path), "t/x", args).effect;
      test(`${row} ${shown} at the top, nested, and behind [*]: no allow`, () => {
        for (const end of ["", "?"]) {
          for (const more of [{}, { [read]: "/srv/a" }]) {
            const given = { ...more, [twin]: "/srv/a" };
            expect(at(`args.${read}${end}`, given)).toBe("deny");
            expect(at(`args.o.${read}${end}`, { o: given })).toBe("deny");
            expect(at(`args.l[*].${read}${end}`, { l: [{ [read]: "/srv/b" }, given] })).toBe(
              "deny",
            );
            expect(at(`args.${read}.d${end}`, { [read]: { d: "/srv/a" }, [twin]: {} })).toBe(
              "deny",
            );
          }
          expect(at(`args.o.${read}${end}`, { o: { [read]: "/srv/a", other: 1 } })).toBe("allow");
        }
      });
      test(`${row} ${shown}: deny and ask match`, () => {
        const args = { o: { [read]: "/srv/a", [twin]: "/srv/a" } };
        for (const path of [`args.o.${read}`, `args.o.${read}?`]) {
          expect(ask(oneRule("deny", path, "path", "/etc/**"), "t/x", args).code).toBe("GW_DENIED");
          expect(ask(oneRule("ask", path, "path", "/etc/**"), "t/x", args).code).toBe("GW_ASK");
          const stay = load(
            `allow: ["t/*"]\nrules: [{id: s, effect: deny, tools: [t/x], unless: ${JSON.stringify({ [path]: srv })}}]`,
          );
          expect(ask(stay, "t/x", args).code).toBe("GW_DENIED");
          expect(ask(stay, "t/x", { o: { [read]: "/srv/a" } }).effect).toBe("allow");
        }
      });
      test(`${row} ${shown}: exists and absent do not know`, () => {
        for (const [operator, holds] of [
          ["exists", { [read]: 1 }],
          ["absent", {}],
        ] as const) {
          const policy = oneRule("allow", `args.o.${read}`, operator, true);
          expect(ask(policy, "t/x", { o: holds }).effect).toBe("allow");
          expect(ask(policy, "t/x", { o: { ...holds, [twin]: 1 } }).effect).toBe("deny");
        }
      });
    }
  });
}

test("P2 the exact key in another spelling of the rule is a twin too", () => {
  const policy = oneRule("allow", "args.o.Path?", "eq", "a");
  expect(ask(policy, "t/x", { o: { Path: "a" } }).effect).toBe("allow");
  expect(ask(policy, "t/x", { o: { path: "a" } }).effect).toBe("deny");
});

test("P2 names that are not ASCII have twins", () => {
  for (const [read, twin] of [
    ["größe", "GRÖSSE"],
    ["größe", "gro\u0308sse"],
    ["école", "e\u0301cole"],
    ["οδος", "ΟΔΟΣ"],
    ["パス", "ﾊﾟｽ"],
  ] as const) {
    const policy = oneRule("allow", `args.o.${read}?`, "eq", "a");
    expect(ask(policy, "t/x", { o: { [read]: "a", b: 1 } }).effect).toBe("allow");
    expect(ask(policy, "t/x", { o: { [twin]: "a" } }).effect).toBe("deny");
  }
});

test("odd keys that are like no name are none of policy's business", () => {
  const policy = load(
    'rules: [{id: r, effect: allow, tools: [t/x], other_args: any, when: {"args.o.path": {eq: a}}}]',
  );
  for (const key of ["", "\u0000", "\u0000\u0000a", "\u007f", "\uffff", "Ab", "e\u0301", "paths"]) {
    expect(ask(policy, "t/x", { o: { path: "a", [key]: 1 } }).effect).toBe("allow");
    expect(ask(policy, "t/x", { [key]: 1, o: { path: "a" } }).effect).toBe("allow");
    expect(ask(policy, "t/x", { o: { path: "a" }, z: { path: 1, Path: 2 } }).effect).toBe("allow");
  }
});

test("who calls is read by nobody else: a twin in claims changes nothing", () => {
  const policy = oneRule("allow", "claims.team", "eq", "a");
  const subject = { ...executor, claims: { team: "a", Team: "b" } };
  expect(ask(policy, "t/x", {}, { subject }).effect).toBe("allow");
});

test("explain says why", () => {
  const candidates = oneRule("allow", "args.o.path?", "eq", "a").candidates(
    executor,
    tool("t/x", ["o"]),
  );
  const { rules } = candidates.explain(facts({ o: { Path: "a" } }));
  expect(rules[0]?.conditions.at(-1)).toEqual({
    path: "args.o.path?",
    operator: "eq",
    result: "unknown",
    note: 'another key of the object reads like "path"',
  });
});

test("the shortcuts find what folding alone finds", () => {
  const units = [..."pPaAtThHﬁｐ\0\u200b \u0301éÉ\u{1d429}iİıſs"];
  const keys = fc.string({ unit: fc.constantFrom(...units), maxLength: 6 });
  fc.assert(
    fc.property(keys, keys, (read, key) => {
      const cut = key.includes("\0") ? [key.slice(0, key.indexOf("\0"))] : [];
      const folded = foldKey(read);
      const twin = key !== read && [key, ...cut].some((one) => foldKey(one) === folded);
      expect(hasTwin({ [key]: 1, [read]: 2 }, nameOf(read), { steps: 0 })).toBe(twin);
    }),
    { numRuns: 20_000 },
  );
});

describe("P8 objects with thousands of keys", () => {
  const many = (of: string, count: number): JsonObject =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${of}${index}`, 1]));
  const rule = (index: number): string =>
    `{id: r${index}, effect: ask, tools: [t/x], when: {"args.o.path": {exists: true}}}`;
  // What is not there is no reason to ask: only what has a twin, or takes too long, asks.
  const policy = load(`rules:
  - {id: a, effect: allow, tools: [t/x], when: {"args.o.path?": {eq: a}}}
  - ${Array.from({ length: 500 }, (_, index) => rule(index)).join("\n  - ")}`);
  const spent = (o: JsonObject): [string, number] => {
    const begin = performance.now();
    const { effect } = ask(policy, "t/x", { o });
    return [effect, performance.now() - begin];
  };
  test("P8 steps are charged by what is done: nearly none for few keys, more for folding", () => {
    const steps = (o: JsonObject): number => {
      const charged = { steps: 0 };
      hasTwin(o, nameOf("path"), charged);
      return charged.steps;
    };
    expect(steps({ path: 1, mode: 2, "owner/group": 3 })).toBeLessThan(1);
    expect(steps(many("k", 1000))).toBeLessThan(1100);
    expect(steps(many("k", 1000))).toBeGreaterThan(900);
    expect(steps(many("界".repeat(80), 1000))).toBeGreaterThan(25_000);
    expect(steps({ ...many("k", 1000), Path: 1 })).toBeGreaterThan(900);
  });
  test("P8 a few thousand under a few rules are decided", () => {
    const one = oneRule("allow", "args.o.path", "eq", "a");
    for (const of of ["k", "p", "パ"]) {
      const o = { ...many(of, 5000), path: "a" };
      expect(ask(one, "t/x", { o }).effect).toBe("allow");
    }
  });
  test("P8 beyond policySteps the answer is unknown, soon", () => {
    const objects = ["k", "pat", "界".repeat(80)].map((of) => many(of, limits.jsonValues));
    for (const o of [...objects, { ...objects[0]!, Path: 1 }]) {
      const [effect, ms] = spent(o);
      expect(effect).toBe("ask");
      expect(ms).toBeLessThan(250);
    }
    expect(spent({ z: "a" })[0]).toBe("allow");
  });
});
