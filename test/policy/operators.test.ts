import { describe, expect, test } from "bun:test";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { operators } from "../../src/policy/library-operators.ts";
import { ask, oneRule } from "./kit.ts";

/** An operand, a value that holds, and what the value types are that it can judge. */
const table: Readonly<Record<string, readonly [operand: Json, holds: Json, fails: Json]>> = {
  eq: ["x", "x", "y"],
  ne: ["x", "y", "x"],
  one_of: [["x", "y"], "y", "z"],
  none_of: [["x", "y"], "z", "x"],
  lt: [5, 4.9, 5],
  lte: [5, 5, 5.1],
  gt: [5, 5.1, 5],
  gte: [5, 5, 4.9],
  glob: ["a*c", "abc", "ab"],
  starts_with: ["ab", "abc", "xab"],
  ends_with: [["bc", "x"], "abc", "abcd"],
  contains: ["b", "abc", "ac"],
  contains_any: [["q", "b"], "abc", "ac"],
  path: ["/srv/data/**", "/srv/data/x", "/etc/passwd"],
  url: [{ host: "a.example" }, "https://a.example/x", "https://b.example/"],
  cidr: ["10.0.0.0/8", "10.9.8.7", "11.0.0.1"],
  re2: ["^a+$", "aaa", "aab"],
  length: [3, "abc", "ab"],
  min_length: [3, "abc", "ab"],
  max_length: [3, "abc", "abcd"],
  min_items: [1, ["a"], []],
  max_items: [1, ["a"], ["a", "b"]],
  keys_only: [["a", "b"], { a: 1 }, { a: 1, c: 2 }],
  type: ["string", "x", 5],
  exists: [true, null, undefined as unknown as Json],
  absent: [true, undefined as unknown as Json, null],
};

function args(value: Json | undefined): JsonObject {
  return value === undefined ? {} : { v: value };
}

function effects(operator: string, operand: Json, value: Json | undefined): string {
  const call = args(value);
  const deny = ask(oneRule("deny", "args.v", operator, operand), "t/x", call).code;
  const approve = ask(oneRule("ask", "args.v", operator, operand), "t/x", call).code;
  const allow = ask(oneRule("allow", "args.v", operator, operand), "t/x", call).effect;
  const kinds = [deny === "GW_DENIED", approve === "GW_ASK", allow === "allow"];
  if (kinds.every((one) => one)) return "true";
  if (kinds.every((one) => !one)) return "false";
  return kinds[0] && kinds[1] && !kinds[2] ? "unknown" : `mixed ${kinds.join()}`;
}

test("the table names every operator", () => {
  expect(Object.keys(table)).toEqual(Object.keys(operators));
});

for (const [operator, [operand, holds, fails]] of Object.entries(table)) {
  test(`${operator} holds and fails`, () => {
    expect(effects(operator, operand, holds)).toBe("true");
    expect(effects(operator, operand, fails)).toBe("false");
  });
}

const strange: Readonly<Record<string, Json | undefined>> = {
  missing: undefined,
  null: null,
  number: 7,
  boolean: true,
  array: ["x"],
  object: { x: "x" },
  empty: "",
  text: "NaN",
};
const ofNumbers = ["lt", "lte", "gt", "gte"];
const ofArrays = ["min_items", "max_items"];
const definite = ["type", "exists", "absent"];

describe("P6 missing and mistyped values are unknown: deny and ask match, allow does not", () => {
  for (const [operator, [operand]] of Object.entries(table)) {
    if (definite.includes(operator)) continue;
    for (const [name, value] of Object.entries(strange)) {
      if (name === "number" && ofNumbers.includes(operator)) continue;
      if (name === "array" && ofArrays.includes(operator)) continue;
      if (name === "object" && operator === "keys_only") continue;
      const wantsText = !ofNumbers.includes(operator) && !ofArrays.includes(operator);
      if (typeof value === "string" && wantsText && operator !== "keys_only") continue;
      test(`P6 ${operator} on ${name}`, () => {
        expect(effects(operator, operand, value)).toBe("unknown");
      });
    }
  }
  test("P6 path, url and cidr on a text they cannot read", () => {
    for (const operator of ["path", "url", "cidr"]) {
      for (const text of ["", "NaN", "x"]) {
        expect(effects(operator, table[operator]![0], text)).toBe("unknown");
      }
    }
  });
  test("P6 type, exists and absent are the exceptions: they ask for just that", () => {
    expect(effects("type", "string", undefined)).toBe("unknown");
    expect(effects("type", ["null", "array"], null)).toBe("true");
    expect(effects("type", "object", [])).toBe("false");
    expect(effects("exists", false, undefined)).toBe("true");
    expect(effects("absent", false, null)).toBe("true");
    expect(effects("exists", true, {})).toBe("true");
  });
});

describe("P26 a container where one value is wanted is mistyped", () => {
  for (const value of [["/srv/ok", "/etc/passwd"], { toString: "/srv/ok" }, [["/srv/ok"]]]) {
    test(JSON.stringify(value), () => {
      expect(effects("path", "/srv/**", value)).toBe("unknown");
      expect(effects("eq", "/srv/ok", value)).toBe("unknown");
    });
  }
});

describe("P5 numbers are compared as the decimals that were written", () => {
  const rows: readonly [value: Json, inexact: boolean, result: string][] = [
    [100, false, "true"],
    [100.5, false, "false"],
    [-0, false, "true"],
    [1e2, false, "true"],
    ["100", false, "unknown"],
    // What the strict scanner flags: 100.00000000000000001, 9007199254740993, 1E400.
    [100, true, "unknown"],
    [9007199254740992, true, "unknown"],
    [Number.POSITIVE_INFINITY, true, "unknown"],
    [Number.POSITIVE_INFINITY, false, "unknown"],
  ];
  for (const [value, inexact, result] of rows) {
    test(`amount ${String(value)} ${inexact ? "inexact" : "exact"}`, () => {
      const decided = (effect: "allow" | "deny") =>
        ask(oneRule(effect, "args.v", "lte", 100), "t/x", { v: value }, { facts: { inexact } });
      expect(decided("deny").code === "GW_DENIED").toBe(result !== "false");
      expect(decided("allow").effect === "allow").toBe(result === "true");
    });
  }
  test("0.1 is 0.1, and inexact arguments do not spoil texts", () => {
    expect(effects("eq", 0.1, 0.1)).toBe("true");
    expect(effects("lt", 0.3, 0.1 + 0.2)).toBe("false");
    const policy = oneRule("allow", "args.v", "eq", "x");
    expect(ask(policy, "t/x", { v: "x" }, { facts: { inexact: true } }).effect).toBe("allow");
  });
});

describe("texts are compared byte for byte, lengths count characters", () => {
  test("no folding, trimming or normalising", () => {
    for (const other of ["X", "x ", "x\u0000", "\u0445", "x\u200b"]) {
      expect(effects("eq", "x", other)).toBe("false");
    }
    expect(effects("eq", "\u00e9", "e\u0301")).toBe("false");
  });
  test("an emoji is one character", () => {
    expect(effects("length", 1, "😀")).toBe("true");
    expect(effects("glob", "a?c", "a😀c")).toBe("true");
    expect(effects("glob", "a?c", "axxc")).toBe("false");
  });
  test("over subjectBytes is unknown, except for lengths and types", () => {
    const long = "a".repeat(70_000);
    expect(effects("contains", "b", long)).toBe("unknown");
    expect(effects("max_length", 200, long)).toBe("false");
    expect(effects("type", "string", long)).toBe("true");
    expect(effects("eq", "a", "é".repeat(33_000))).toBe("unknown");
    expect(effects("eq", "a", "é".repeat(32_000))).toBe("false");
  });
});

describe("P8 a padded subject never slips past a deny", () => {
  const pattern = String.raw`^(?:(?:[\w.-]+\/?)+\.\.\/|.*\/etc\/passwd$)`;
  const policy = oneRule("deny", "args.v", "re2", pattern);
  for (let n = 20; n <= 100; n += 10) {
    test(`P8 ${n} characters of padding`, () => {
      const call = { v: `${"a".repeat(n)}!/etc/passwd` };
      ask(policy, "t/x", call);
      const begin = performance.now();
      expect(ask(policy, "t/x", call).code).toBe("GW_DENIED");
      expect(performance.now() - begin).toBeLessThan(5);
    });
  }
  test("P8 P9 the bad part at the very end of the longest subject", () => {
    const tail = "!/etc/passwd";
    const call = { v: `${"a".repeat(65_536 - tail.length)}${tail}` };
    expect(ask(policy, "t/x", call).code).toBe("GW_DENIED");
    expect(ask(policy, "t/x", { v: `a${call.v}` }).code).toBe("GW_DENIED");
    expect(ask(policy, "t/x", { v: "a".repeat(65_536) }).code).toBe("GW_NO_RULE");
  });
});
