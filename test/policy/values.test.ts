import { describe, expect, test } from "bun:test";
import type { Json } from "../../src/base/json.ts";
import type { Policy } from "../../src/policy/model.ts";
import { ask, executor, facts, load, oneRule, tool } from "./kit.ts";

const allowed = (policy: Policy, value: Json): boolean =>
  ask(policy, "t/x", { v: value }).effect === "allow";
const denied = (policy: Policy, value: Json): boolean =>
  ask(policy, "t/x", { v: value }).code === "GW_DENIED";

describe("P21 paths outside the folder are not inside it, however they are spelt", () => {
  const allow = oneRule("allow", "args.v", "path", "/srv/data/**");
  const stay = oneRule("deny", "args.v", "path", "/srv/data/**", "unless");
  const outside = [
    "/srv/data/../etc",
    "/srv/database/x",
    "/srv/data/%2e%2e/x",
    "/srv/data/%2E%2E%2Fx",
    "/srv/data/%252e%252e/x",
    "/srv/data/./../x",
    "/srv/data/..\\x",
    "..\\x",
    "/srv/data\u0000",
    "/srv/data/x%00",
    "/srv/data/%ff",
    "/srv/data/100%",
    "file:///srv/data/..",
    "srv/data/x",
    "~/x",
    "",
    "/",
    "/SRV/data/x",
    "//etc/passwd",
  ];
  for (const value of outside) {
    test(`P21 ${JSON.stringify(value)}`, () => {
      expect(allowed(allow, value)).toBe(false);
      expect(denied(stay, value)).toBe(true);
    });
  }
  for (const value of [
    "/srv/data/a..b",
    "/srv/data",
    "/srv/data/",
    "/srv//data/x",
    "/srv/data/a b",
    "/srv/data/x/../y",
    "/srv/data/%20x",
    "/../srv/data/x",
    "/srv/data/...",
    "/srv/data/é",
  ]) {
    test(`P21 inside: ${JSON.stringify(value)}`, () => {
      expect(allowed(allow, value)).toBe(true);
      expect(denied(stay, value)).toBe(false);
    });
  }
  test("P21 a deny by path sees through the spelling", () => {
    const policy = oneRule("deny", "args.v", "path", "/etc/**");
    for (const value of ["/etc/passwd", "/srv/../etc/x", "/%65tc/passwd", "/etc%2fpasswd", "etc"]) {
      expect(denied(policy, value)).toBe(true);
    }
    expect(denied(policy, "/srv/etc")).toBe(false);
  });
  test("* stays inside a segment, ** crosses", () => {
    const one = oneRule("allow", "args.v", "path", ["/a/*/c", "/x/**/z", "/f/*.txt"]);
    for (const value of ["/a/b/c", "/x/z", "/x/1/2/z", "/f/n.txt"]) {
      expect(allowed(one, value)).toBe(true);
    }
    for (const value of ["/a/b/b/c", "/a/c", "/x/1/2", "/f/d/n.txt", "/f/n.txtx"]) {
      expect(allowed(one, value)).toBe(false);
    }
  });
});

describe("P23 no spelling of an inner host passes", () => {
  const deny = oneRule("deny", "args.v", "url", { private: true });
  const allow = oneRule("allow", "args.v", "url", { scheme: "https", private: false });
  const inner = [
    "http://127.1/",
    "http://0x7f.1/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://[::ffff:7f00:1]/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[fd00::1]/",
    "http://[fe80::1]/",
    "http://[2002:7f00:1::]/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    "http://localhost./",
    "http://LOCALHOST/",
    "http://a.localhost/",
    "http://a@169.254.169.254/",
    "http://@169.254.169.254/",
    "http://169.254.169.254\\@x/",
    "http://x\\@169.254.169.254/",
    "http://169。254。169。254/",
    "http:/169.254.169.254/",
    "http:169.254.169.254/",
    "http:///169.254.169.254/",
    "http://exa\tmple.com/",
    " http://example.com/",
    "http://10.0.0.1:80/",
    "http://192.168.1.1/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://0/",
    "http://metadata.google.internal/",
    "http://router/",
    "gopher://127.1/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "//example.com",
    "example.com",
    "",
  ];
  for (const value of inner) {
    test(`P23 ${JSON.stringify(value)}`, () => {
      expect(denied(deny, value)).toBe(true);
      expect(allowed(allow, value.replace("http:", "https:"))).toBe(false);
    });
  }
  for (const value of [
    "https://example.com/",
    "https://1.1.1.1/x?y",
    "https://[2606:4700::1111]/",
    "https://example.com./",
    "https://example.com/a@b",
  ]) {
    test(`P23 public: ${value}`, () => {
      expect(denied(deny, value)).toBe(false);
      expect(allowed(allow, value)).toBe(true);
    });
  }
  test("P23 what parsers read differently is unknown, even where the standard says public", () => {
    const open = oneRule("allow", "args.v", "url", { private: false });
    for (const value of [
      "http://example.com\\@169.254.169.254/",
      "http://example.com\\.evil.example/",
      "http://169.254.169.254@example.com/",
      "http://@example.com/",
      "http:example.com/",
      "http:///example.com/",
      "http://exam\nple.com/",
      "gopher://example.com/",
      "mailto:x@example.com",
    ]) {
      expect([value, denied(deny, value), allowed(open, value)]).toEqual([value, true, false]);
    }
    const scheme = oneRule("allow", "args.v", "url", { scheme: "foo" });
    expect(allowed(scheme, "foo://host/x")).toBe(true);
    expect(allowed(scheme, "foo://me@host/x")).toBe(false);
  });
  test("host, port, scheme and path are of the parsed URL", () => {
    const policy = oneRule("allow", "args.v", "url", {
      scheme: ["https", "http"],
      host: ["api.example", "*.api.example"],
      port: [443, 8443],
      path: "/v1/**",
    });
    const yes = [
      "https://api.example/v1/x",
      "https://A.API.example:8443/v1",
      "http://api.example:443/v1/",
    ];
    const no = [
      "http://api.example/v1/x",
      "https://api.example.evil/v1",
      "https://evil/?api.example/v1/",
      "https://api.example/v1/../v2",
      "https://api.example/v1/%2e%2e%2fv2",
      "https://api.example/v2",
      "https://api.example@evil/v1/x",
      "https://evil#api.example/v1",
    ];
    for (const value of yes) expect([value, allowed(policy, value)]).toEqual([value, true]);
    for (const value of no) expect([value, allowed(policy, value)]).toEqual([value, false]);
  });
});

describe("cidr takes addresses in plain form only", () => {
  const policy = oneRule("deny", "args.v", "cidr", ["10.0.0.0/8", "fd00::/8", "192.0.2.1"]);
  const rows: readonly [string, boolean][] = [
    ["10.255.0.1", true],
    ["11.0.0.1", false],
    ["192.0.2.1", true],
    ["192.0.2.2", false],
    ["::ffff:10.0.0.1", true],
    ["::ffff:a00:1", true],
    ["::ffff:11.0.0.1", false],
    ["FD12:3456::1", true],
    ["2001:db8::1", false],
    // No plain form: unknown, so the deny matches.
    ["010.0.0.1", true],
    ["11.1", true],
    ["0xb.0.0.1", true],
    ["11.0.0.1 ", true],
    ["1::2::3", true],
    ["1:2:3:4:5:6:7:8:9", true],
    ["1:2:3:4:5:6:7::8", true],
    ["fe80::1%eth0", true],
    ["11.0.0.256", true],
  ];
  for (const [value, result] of rows) {
    test(`${value} ${result ? "denied" : "passes"}`, () =>
      expect(denied(policy, value)).toBe(result));
  }
});

describe("P24 names of the prototype are not members", () => {
  const hostile = JSON.parse('{"v":{"a":1},"__proto__":{"role":"admin"}}');
  for (const path of [
    "args.v.constructor.name",
    "args.toString",
    "args.v.hasOwnProperty",
    "args.v.__proto__.x",
    "args.role",
  ]) {
    test(`P24 ${path}`, () => {
      const policy = load(`rules: [{id: r, effect: allow, tools: [t/x], other_args: any,
        when: {${JSON.stringify(path)}: {exists: true}}}]`);
      expect(ask(policy, "t/x", hostile).effect).toBe("deny");
    });
  }
  test("P24 an own member that shadows is just a member", () => {
    const policy = oneRule("allow", "args.hasOwnProperty", "eq", "x");
    expect(ask(policy, "t/x", { hasOwnProperty: "x" }).effect).toBe("allow");
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe("the ? and [*] of paths", () => {
  const elements = oneRule("allow", "args.v[*]", "glob", "a*");
  const optional = oneRule("deny", "args.v[*]?", "glob", "a*", "unless");
  test("[*] is every element; none is no value", () => {
    expect(allowed(elements, ["a", "ab"])).toBe(true);
    expect(allowed(elements, ["a", "b"])).toBe(false);
    expect(allowed(elements, ["a", 5])).toBe(false);
    expect(allowed(elements, [])).toBe(false);
    expect(allowed(elements, "a")).toBe(false);
  });
  test("an empty array never satisfies an unless by itself, only with ?", () => {
    expect(denied(oneRule("deny", "args.v[*]", "glob", "a*", "unless"), [])).toBe(true);
    expect(denied(optional, [])).toBe(false);
    expect(denied(optional, ["b"])).toBe(true);
    expect(denied(optional, "b")).toBe(true);
    expect(denied(optional, null)).toBe(true);
    expect(ask(optional, "t/x", {}).code).toBe("GW_NO_RULE");
  });
  test("nested and quoted names", () => {
    const policy = load(`rules: [{id: r, effect: allow, tools: [t/x],
      when: {'args.v[*]["a.b"].c?': {eq: 1}}}]`);
    expect(allowed(policy, [{ "a.b": { c: 1 } }, { "a.b": {} }, {}])).toBe(true);
    expect(allowed(policy, [{ "a.b": { c: 2 } }])).toBe(false);
    expect(allowed(policy, [{ "a.b": 5 }])).toBe(false);
  });
});

test("time is UTC, key and claims are of the caller, client is fit for denying", () => {
  const policy = load(`
allow: ["t/*"]
rules:
  - { id: weekend, effect: deny, tools: ["t/week"], when: { time.weekday: { one_of: [sat, sun] } } }
  - { id: hours, effect: deny, tools: ["t/hour"], unless: { time.hour: { gte: 8, lt: 18 } } }
  - { id: team, effect: deny, tools: ["t/team"], unless: { claims.team: { eq: red } } }
  - { id: role, effect: deny, tools: ["t/role"], when: { "key.roles[*]": { eq: executor } } }
  - { id: bot, effect: deny, tools: ["t/client"], when: { client.name: { glob: "bot*" } } }
  - { id: old, effect: deny, tools: ["t/era"], when: { request.era: { eq: legacy } } }
`);
  const code = (name: string, more: Parameters<typeof ask>[3] = {}) =>
    ask(policy, name, {}, more).code;
  expect(code("t/week")).toBe("GW_DENIED");
  expect(code("t/week", { facts: { nowMs: Date.UTC(2026, 10, 23) } })).toBeUndefined();
  expect(code("t/week", { facts: { nowMs: Number.NaN } })).toBe("GW_DENIED");
  expect(code("t/hour")).toBeUndefined();
  expect(code("t/hour", { facts: { nowMs: Date.UTC(2026, 10, 22, 18) } })).toBe("GW_DENIED");
  expect(code("t/team")).toBe("GW_DENIED");
  expect(code("t/team", { subject: { ...executor, claims: { team: "red" } } })).toBeUndefined();
  expect(code("t/role")).toBe("GW_DENIED");
  expect(code("t/client", { facts: { client: { name: "human" } } })).toBeUndefined();
  expect(code("t/client", { facts: { client: { name: "bot1" } } })).toBe("GW_DENIED");
  expect(code("t/client")).toBe("GW_DENIED");
  expect(code("t/era", { facts: { request: { era: "modern" } } })).toBeUndefined();
});

test("explaining more than deciding needed does not use up the steps", () => {
  const policy = load(`rules:
  - { id: a, effect: deny, tools: [t/x], when: { args.w: { eq: 1 }, "args.v[*]": { re2: a } } }
  - { id: b, effect: allow, tools: [t/x], when: { args.w: { eq: 2 } } }`);
  const call = { w: 2, v: Array.from({ length: 20_000 }, () => "a".repeat(600)) };
  const candidates = policy.candidates(executor, tool("t/x", ["v"]));
  expect(candidates.decide(facts(call)).effect).toBe("allow");
  expect(candidates.explain(facts(call)).decision).toEqual(candidates.decide(facts(call)));
});

test("too many steps: what has conditions is unknown, in any order of the rules", () => {
  const allow = "{id: a, effect: allow, tools: [t/x], when: {'args.v[*]': {re2: 'a'}}}";
  const free = "{id: b, effect: allow, tools: [t/x]}";
  const big = { v: Array.from({ length: 20_000 }, () => "a".repeat(600)) };
  for (const rules of [`${allow}, ${free}`, `${free}, ${allow}`]) {
    const decision = ask(load(`rules: [${rules}]`), "t/x", big);
    expect([decision.effect, decision.rule?.id]).toEqual(["allow", "b"]);
  }
  const begin = performance.now();
  expect(ask(load(`rules: [${allow}]`), "t/x", big).effect).toBe("deny");
  expect(performance.now() - begin).toBeLessThan(1000);
  expect(facts({}).args).toEqual({});
});
