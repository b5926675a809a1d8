import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/base/json.ts";
import type { Policy, Target } from "../../src/policy/model.ts";
import { ask, executor, facts, load, oneRule, tool } from "./kit.ts";

test("deny beats ask beats allow beats nothing", () => {
  const policy = load('allow: ["t/*"]\nask: ["t/a*"]\ndeny: ["t/ab*"]');
  expect(ask(policy, "t/x").effect).toBe("allow");
  expect(ask(policy, "t/a").code).toBe("GW_ASK");
  expect(ask(policy, "t/ab").code).toBe("GW_DENIED");
  expect(ask(policy, "u/x").code).toBe("GW_NO_RULE");
  expect(ask(policy, "t/ab").matched).toEqual(["allow:t/*", "ask:t/a*", "deny:t/ab*"]);
});

describe("P15 names are compared byte for byte", () => {
  const policy = load("allow: [fs/read]");
  for (const name of [
    "FS/read",
    "fs/Read",
    "fs/read ",
    "fs/read\u0000",
    "fs%2fread",
    "fs//read",
    "fs/reads",
    "xfs/read",
    "fs/re\u200bad",
    "fs__read",
    "fs.read",
    "",
  ]) {
    test(`P15 P14 ${JSON.stringify(name)}`, () => expect(ask(policy, name).effect).toBe("deny"));
  }
});

describe("P22 a resource is matched as every reader would read it", () => {
  const allow = load('rules: [{id: r, effect: allow, resources: ["file:///srv/data/*"]}]');
  const deny = load('rules: [{id: r, effect: deny, resources: ["file:///srv/secret/*"]}]');
  const decide = (policy: Policy, name: string) =>
    policy.candidates(executor, { kind: "resource", name, declared: undefined }).decide(facts({}));
  for (const uri of [
    "file:///etc/passwd",
    "file://host/srv/data/x",
    "FILE:///srv/data/x",
    "file:///srv/data/../../etc/passwd",
    "file:///srv/data/%2e%2e/x",
    "file:///srv/data/..%2f..%2fetc",
    "file:///srv/data/%252e%252e/x",
    "file:///srv/data/..\\..\\etc",
    "file:///srv/data/x\n",
    "",
    "ui://srv/data/x",
    "javascript:file:///srv/data/",
    "/srv/data/x",
    "file:/srv/data/x",
    `file:///srv/data/${"x".repeat(70_000)}`,
  ]) {
    test(`P22 ${JSON.stringify(uri.slice(0, 60))}`, () => {
      expect(decide(allow, uri).effect).toBe("deny");
    });
  }
  test("P22 plain ones are allowed, odd spellings of denied ones are denied by the rule", () => {
    expect(decide(allow, "file:///srv/data/x/y.txt").effect).toBe("allow");
    expect(decide(allow, "file:///srv/data/a%20b").effect).toBe("allow");
    for (const uri of [
      "file:///srv/secret/x",
      "file:///srv/x/../secret/y",
      "FILE:///srv/secret/x",
      "file:///srv/%73ecret/x",
      "file:///srv/a/..%2fsecret/y",
    ]) {
      expect(decide(deny, uri).code).toBe("GW_DENIED");
    }
    expect(decide(deny, "file:///srv/data/x").code).toBe("GW_NO_RULE");
  });
});

describe("P25 arguments that nobody declared or named are not covered by an allow", () => {
  const rule = (more: string) => load(`rules: [{id: r, effect: allow, tools: [t/x], ${more}}]`);
  const call = (policy: Policy, args: object, declared?: readonly string[]) => {
    const target = tool("t/x", declared);
    return policy.candidates(executor, target).decide(facts(JSON.parse(JSON.stringify(args))));
  };
  test("declared is the default, also for the shorthand", () => {
    for (const policy of [load("allow: [t/x]"), rule("hint: h"), rule("other_args: declared")]) {
      expect(call(policy, { a: 1 }, ["a", "b"]).effect).toBe("allow");
      expect(call(policy, {}, ["a"]).effect).toBe("allow");
      expect(call(policy, { a: 1, evil: 1 }, ["a"]).code).toBe("GW_NO_RULE");
      expect(call(policy, { a: 1 }, undefined).code).toBe("GW_NO_RULE");
      expect(call(policy, {}, undefined).effect).toBe("allow");
    }
    expect(call(load("allow: [t/x]"), { evil: 1 }, []).hint).toContain('"evil"');
    expect(call(load("allow: [t/x]"), { "\u001b[31m": 1 }, []).hint).toContain("unusual name");
  });
  test("named arguments count as known", () => {
    const policy = rule("when: {args.a: {eq: 1}}, unless: {args.b: {eq: 2}}, other_args: none");
    expect(call(policy, { a: 1, b: 1 }, []).effect).toBe("allow");
    expect(call(policy, { a: 1, b: 1, c: 1 }, ["c"]).effect).toBe("deny");
  });
  test("none, any and a list", () => {
    expect(call(rule("other_args: none"), { a: 1 }, ["a"]).effect).toBe("deny");
    expect(call(rule("other_args: none"), {}, ["a"]).effect).toBe("allow");
    expect(call(rule("other_args: any"), { z: 1 }, []).effect).toBe("allow");
    expect(call(rule("other_args: [z]"), { z: 1 }, []).effect).toBe("allow");
    expect(call(rule("other_args: [z]"), { a: 1 }, ["a"]).effect).toBe("deny");
  });
  test("deny and ask match whatever arguments there are", () => {
    expect(call(load("deny: [t/x]"), { evil: 1 }, []).code).toBe("GW_DENIED");
    expect(call(load("ask: [t/x]"), { evil: 1 }, []).code).toBe("GW_ASK");
  });
});

describe("who", () => {
  const policy = load(`rules:
  - id: r
    effect: allow
    tools: [t/x]
    who: { roles: [executor, viewer], keys: ["billing-*", ops] }`);
  const as = (keyName: string, roles: readonly string[]) =>
    ask(policy, "t/x", {}, { subject: { ...executor, keyName, roles } }).effect;
  test("both parts must hold, each by one of its entries", () => {
    expect(as("billing-7", ["executor"])).toBe("allow");
    expect(as("ops", ["admin", "viewer"])).toBe("allow");
    expect(as("billing-7", ["admin"])).toBe("deny");
    expect(as("Billing-7", ["executor"])).toBe("deny");
    expect(as("billing-7", [])).toBe("deny");
  });
});

test("P37 no arguments is an empty object", () => {
  const policy = load("rules: [{id: r, effect: allow, tools: [t/x], when: {args.a?: {eq: 1}}}]");
  expect(ask(policy, "t/x", {}).effect).toBe("allow");
  const need = oneRule("allow", "args.a", "eq", 1);
  expect(ask(need, "t/x", {}).effect).toBe("deny");
  // The front refuses null; were it to come here, it would match no allow.
  const broken = facts(null as unknown as Record<string, never>);
  expect(policy.candidates(executor, tool("t/x", [])).decide(broken).effect).toBe("deny");
});

describe("methods", () => {
  const on = (policy: Policy, kind: Target["kind"], name: string) =>
    policy.candidates(executor, { kind, name, declared: new Set() }).decide(facts({})).effect;
  test("* is everything, a method covers what is reached by it", () => {
    const all = load('rules: [{id: r, effect: allow, methods: ["*"]}]');
    for (const [kind, name] of [
      ["tool", "a/b"],
      ["resource", "x:y"],
      ["prompt", "a/b"],
      ["method", "foo/bar"],
    ] as const) {
      expect(on(all, kind, name)).toBe("allow");
    }
    const calls = load('allow: ["*"]\nrules: [{id: r, effect: deny, methods: [tools/call]}]');
    expect(on(calls, "tool", "a/b")).toBe("deny");
  });
  test("tools: * is tools only; targets of one rule are alternatives", () => {
    const tools = load('allow: ["*"]');
    expect(on(tools, "tool", "a/b")).toBe("allow");
    expect(on(tools, "method", "foo/bar")).toBe("deny");
    expect(on(tools, "prompt", "a/b")).toBe("deny");
    const both = load("rules: [{id: r, effect: allow, prompts: [a/b], methods: [foo/bar]}]");
    expect(on(both, "prompt", "a/b")).toBe("allow");
    expect(on(both, "method", "foo/bar")).toBe("allow");
    expect(on(both, "tool", "a/b")).toBe("deny");
  });
});

describe("hints", () => {
  const policy = load(`rules:
  - { id: a, effect: allow, tools: [t/x], when: { args.n: { lte: 100 } }, hint: "at most 100" }
  - { id: d, effect: deny, tools: [t/x], when: { args.n: { lt: 0 } }, hint: "not below 0" }`);
  test("of the rule that decides, else of the allow that nearly matched", () => {
    expect(ask(policy, "t/x", { n: 5 }).hint).toBeUndefined();
    expect(ask(policy, "t/x", { n: 500 }).hint).toBe("at most 100");
    expect(ask(policy, "t/x", { n: -5 }).hint).toBe("not below 0");
    expect(ask(policy, "t/x", { n: "5" }).hint).toBe("not below 0");
    expect(ask(policy, "t/y", { n: 5 }).hint).toBeUndefined();
  });
});

describe("P12 visibility", () => {
  const see = (text: string, declared?: readonly string[]) =>
    load(text).candidates(executor, tool("t/x", declared)).visibility;
  test("deny only where every call is denied", () => {
    expect(see("id: x", [])).toBe("deny");
    expect(see("allow: [t/x]\ndeny: [t/x]", [])).toBe("deny");
    expect(see("rules: [{id: r, effect: allow, tools: [t/x], who: {keys: [other]}}]", [])).toBe(
      "deny",
    );
    expect(see("deny: [t/x]\nask: [t/x]", [])).toBe("deny");
  });
  test("allow where every declared call is allowed, else depends", () => {
    expect(see("allow: [t/x]", ["a"])).toBe("allow");
    expect(see("allow: [t/x]", undefined)).toBe("depends");
    expect(see("rules: [{id: r, effect: allow, tools: [t/x], other_args: any}]")).toBe("allow");
    expect(see("rules: [{id: r, effect: allow, tools: [t/x], other_args: none}]", ["a"])).toBe(
      "depends",
    );
    expect(see("ask: [t/x]", [])).toBe("depends");
    expect(
      see(
        "allow: [t/x]\nrules: [{id: r, effect: deny, tools: [t/x], when: {args.a: {eq: 1}}}]",
        [],
      ),
    ).toBe("depends");
  });
});

test("a rule that matched because it could not be decided says so, a decided one does not", () => {
  const deny = (when: string) =>
    load(
      `allow: [t/x]\nrules: [{id: r, effect: deny, tools: [t/x], when: {args.a: {${when}}}}]`,
    ).candidates(executor, tool("t/x", ["a"]));
  const candidates = deny("contains: key");
  const long = "x".repeat(65_537);
  const said = (args: JsonObject, asked = candidates) => {
    const { effect, undecided } = asked.decide(facts(args));
    return [effect, undecided];
  };
  // In turn, as what the call before came to is kept.
  expect(said({ a: "a key" })).toEqual(["deny", false]);
  expect(said({ a: long })).toEqual(["deny", true]);
  expect(said({ a: "a key" })).toEqual(["deny", false]);
  expect(said({})).toEqual(["deny", true]);
  expect(said({ a: "none" })).toEqual(["allow", false]);
  // As docs/policy.md says: what is not there, and what is too long to be read.
  expect(said({}, deny("exists: true, contains: key"))).toEqual(["allow", false]);
  const unread = deny("max_length: 16384, contains: key");
  expect(said({ a: long }, unread)).toEqual(["allow", false]);
  expect(said({ a: "\u{1f511}".repeat(16_384) }, unread)).toEqual(["allow", false]);
  expect(said({ a: long }, deny("max_length: 70000"))).toEqual(["deny", false]);
});

test("P28 a prepared decision stays with its bundle", () => {
  const before = load("allow: [t/x]");
  const candidates = before.candidates(executor, tool("t/x", []));
  const after = load("deny: [t/x]");
  expect(candidates.decide(facts({})).effect).toBe("allow");
  expect(after.hash).not.toBe(before.hash);
  expect(after.candidates(executor, tool("t/x", [])).decide(facts({})).effect).toBe("deny");
});
