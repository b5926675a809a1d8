import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { limits } from "../../src/base/limits.ts";
import type { PolicyProblem } from "../../src/policy/model.ts";
import { noPolicy, readPolicy } from "../../src/policy/read.ts";
import { ask, load } from "./kit.ts";

const folder = new URL("../cases/policy/bad/", import.meta.url);

function problemsOf(...texts: readonly string[]): readonly PolicyProblem[] {
  const read = readPolicy(texts.map((text, index) => ({ name: `p${index}.yaml`, text })));
  return read.ok ? [] : read.error;
}

describe("P7 a document with one mistake is refused whole, with its place", () => {
  const names = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
  // Among them a rule with `rate` (P34).
  test("there are at least 40", () => expect(names.length).toBeGreaterThanOrEqual(40));
  for (const name of names) {
    test(name, () => {
      const text = readFileSync(new URL(name, folder), "utf8");
      // First line: `# expect: LINE part of message or fix`.
      const [line, ...words] = text.slice("# expect: ".length, text.indexOf("\n")).split(" ");
      const found = problemsOf(text);
      const said = found.map((one) => `${one.code} ${one.line} ${one.message}; ${one.fix ?? ""}`);
      const hit = said.find((one) => one.includes(words.join(" ")));
      expect(hit ?? said).toStartWith(`GW_POLICY ${line} `);
      for (const { column } of found) expect(column).toBeGreaterThanOrEqual(1);
    });
  }
});

test("a policy that can allow nothing is known as one", () => {
  const allow = 'rules: [{ id: a, effect: allow, resources: ["file:///*"] }]\n';
  for (const [text, nothing] of [
    ['deny: ["*/*"]', true],
    ["id: a", true],
    ['ask: ["*"]', true],
    ['allow: ["a/b"]', false],
    ['allow: ["a/b"]\ndeny: ["*/*"]', true],
    ['allow: ["a/b"]\ndeny: ["*/x*"]', false],
    [`${allow}deny: ["*/*"]`, false],
    [`${allow.slice(0, -2)}, { id: d, effect: deny, methods: ["*"] }]`, true],
    [`${allow.slice(0, -2)}, { id: d, effect: deny, methods: ["*"], who: { keys: [k] } }]`, false],
  ] as const) {
    expect([text, load(text).allowsNothing]).toEqual([text, nothing]);
  }
});

test("a list that is none is told with the list to write", () => {
  const fixes = (text: string) => problemsOf(text).map(({ fix }) => fix);
  expect(fixes("allow: files__read")).toEqual(['write ["files__read"]']);
  expect(fixes("allow: []")[0]).toEndWith(
    "or leave `allow` out: what nothing allows is denied anyway",
  );
  expect(fixes("deny: []")).toEqual(["name a tool in it, or leave `deny` out"]);
});

test("all problems come at once, in the order of the file", () => {
  const found = problemsOf(
    "allow: [x]\nalow: 1\nrules:\n  - id: r\n    effect: dny\n    when: {}\n",
  );
  expect(found.map((one) => one.line)).toEqual([1, 2, 4, 5, 6]);
});

test("a glob without its quotes is one mistake, and nothing follows from it", () => {
  const rule = (tools: string) => `rules:\n  - id: r\n    effect: deny\n    tools: ${tools}\n`;
  const cases = [
    ["allow: [*/read_*]", '"*/read_*"', 9],
    ["allow: [files/x, *s/read_*]", '"*s/read_*"', 18],
    ["deny: [**]", '"**"', 8],
    ["deny: [*, files/x]", '"*"', 8],
    ["allow:\n  - */read_*\n", '"*/read_*"', 5],
    ["allow:\n  - *\n", '"*"', 5],
    [rule("[*/read_*]"), '"*/read_*"', 13],
    [rule("\n      - */x\n      - a/b"), '"*/x"', 9],
  ] as const;
  for (const [text, quoted, column] of cases) {
    const found = problemsOf(text);
    expect([text, found.map((one) => [one.column, one.fix?.split(";")[0]])]).toEqual([
      text,
      [[column, `quote it: ${quoted}`]],
    ]);
    // What it says to do is taken.
    expect(problemsOf(text.replace(quoted.slice(1, -1), quoted))).toEqual([]);
  }
  const scalar = problemsOf(rule("*")).map((one) => one.message);
  expect(scalar[0]).toContain("needs quotes");
});

test("columns point at the value", () => {
  const [only] = problemsOf("rules:\n  - id: r\n    effect: dny\n    tools: [a/b]\n");
  expect([only?.line, only?.column]).toEqual([3, 13]);
});

test("a rule id is one rule in all files; the same shorthand line may stand in two", () => {
  const rule = "rules: [{id: r, effect: deny, tools: [a/b]}]";
  expect(problemsOf(rule, rule)[0]?.message).toContain('"r" is taken by p0.yaml:1');
  expect(load('deny: ["a/b"]', 'deny: ["a/b"]\nallow: ["a/c"]').rules).toHaveLength(2);
});

test("limits: bytes of a file, rules of a bundle, depth", () => {
  const long = `allow: ["a/b"]\n#${"x".repeat(limits.policyBytes)}`;
  expect(problemsOf(long)[0]?.message).toContain("over 1048576 bytes");
  const many = Array.from({ length: limits.policyRules + 1 }, (_, index) => `"a/t${index}"`);
  expect(problemsOf(`allow: [${many.join(",")}]`)[0]?.message).toContain("has 10001 rules");
  expect(problemsOf(`allow: ${"[".repeat(50_000)}`).length).toBeGreaterThan(0);
  const nested = problemsOf(`allow: ${"[".repeat(2_000)}${"]".repeat(2_000)}`);
  expect(nested.map((one) => one.message)).toContain("Values nest too deep");
});

test("no file: everything is denied with GW_NO_POLICY and a hint", () => {
  for (const policy of [noPolicy(), load()]) {
    const decision = ask(policy, "files/read_file");
    expect(decision.code).toBe("GW_NO_POLICY");
    expect(decision.hint).toContain("no policy yet");
    expect(policy.hash).toHaveLength(64);
  }
});

test("the hash is of the texts, whatever the order and names of the files", () => {
  expect(load("id: a", "id: b").hash).toBe(load("id: b", "id: a").hash);
  expect(load("id: a").hash).not.toBe(load("id: b").hash);
  expect(load("id: a").hash).not.toBe(load("id: a", "id: a").hash);
});

test("random bytes and broken policies are refused without a throw", () => {
  const good = readFileSync(
    new URL("../../policies/ask-before-write.yaml", import.meta.url),
    "utf8",
  );
  let refused = 0;
  for (let cut = 0; cut < good.length; cut += 7) {
    const read = readPolicy([
      { name: "p.yaml", text: `${good.slice(0, cut)}\u0000${good.slice(cut)}` },
    ]);
    if (!read.ok) refused += 1;
  }
  expect(refused).toBeGreaterThan(0);
});
