/** Random policies and calls from a small vocabulary, so that they meet often. */

import fc from "fast-check";
import type { Json, JsonObject } from "../../src/base/json.ts";
import type { Facts, Subject, Target } from "../../src/policy/model.ts";
import type { Doc, World } from "./oracle.ts";

const words = ["", "a", "b", "ab", "abc", "/srv/a", "10.0.0.1", "é😀"] as const;
const texts = fc.constantFrom(
  ...words,
  "/srv/../etc/x",
  "/srv/%2e%2e/x",
  "/srv/%252e/x",
  "/srv/a%ff",
  "srv/a",
  "/srv/a/b/c",
  "/srv/a\\b",
  "/srv//./a/",
  "10.0.1.1",
  "010.0.0.1",
  "11.2.3.4",
);
const numbers = fc.constantFrom(-1, 0, 1, 1.5, 2, 100, 0.1);
const scalars: fc.Arbitrary<Json> = fc.oneof(texts, numbers, fc.boolean(), fc.constant(null));
/** With twins of the names that rules read (P2, P3); few, or all would be unknown. */
const names = fc.oneof(
  { arbitrary: fc.constantFrom("a", "b", "c", "toString"), weight: 19 },
  {
    arbitrary: fc.constantFrom(
      "A",
      "ａ",
      "a\0",
      "\u200bb",
      "B ",
      "\0x",
      "c\0x",
      "Ⓒ",
      "a-",
      "",
      "á",
    ),
    weight: 1,
  },
);

export const values: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: scalars, weight: 5 },
    { arbitrary: fc.array(tie("value"), { maxLength: 3 }), weight: 1 },
    {
      arbitrary: fc.dictionary(names, tie("value"), { maxKeys: 3, noNullPrototype: true }),
      weight: 1,
    },
  ),
})).value;

const someTexts = fc.constantFrom("a", "b", "ab", "/srv", "é");
const textOperand = fc.oneof(someTexts, fc.array(someTexts, { minLength: 1, maxLength: 2 }));
const wanted = fc.oneof(texts, numbers, fc.boolean());
const globs = fc.constantFrom("*", "a*", "*b", "a?c", "?", "*a*b*", "/srv/*", "ab");
const paths = fc.constantFrom("/srv/**", "/srv/*", "/**/b/*", "/", "/**", "/srv/a", "/s?v/a/**");
const ranges = fc.constantFrom("10.0.0.0/8", "10.0.0.1", "10.0.0.0/23", "0.0.0.0/0");
const types = fc.constantFrom("string", "number", "integer", "boolean", "null", "array", "object");
const counts = fc.nat({ max: 4 });

const operands: Readonly<Record<string, fc.Arbitrary<Json>>> = {
  eq: wanted,
  ne: wanted,
  one_of: fc.array(wanted, { minLength: 1, maxLength: 3 }),
  none_of: fc.array(wanted, { minLength: 1, maxLength: 3 }),
  lt: numbers,
  lte: numbers,
  gt: numbers,
  gte: numbers,
  glob: globs,
  starts_with: textOperand,
  ends_with: textOperand,
  contains: someTexts,
  contains_any: textOperand,
  path: fc.oneof(paths, fc.array(paths, { minLength: 1, maxLength: 2 })),
  cidr: ranges,
  length: counts,
  min_length: counts,
  max_length: counts,
  min_items: counts,
  max_items: counts,
  keys_only: fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1 }),
  type: fc.oneof(types, fc.array(types, { minLength: 1, maxLength: 2 })),
};
const asking: Readonly<Record<string, fc.Arbitrary<Json>>> = {
  exists: fc.boolean(),
  absent: fc.boolean(),
};

function pick(from: Readonly<Record<string, fc.Arbitrary<Json>>>): fc.Arbitrary<JsonObject> {
  const one = Object.entries(from).map(([name, operand]) =>
    operand.map((value) => ({ [name]: value })),
  );
  return fc.oneof(...one);
}

const plainPaths = [
  "args.a",
  "args.b",
  "args.a.b",
  "args.c[*]",
  "args.c[*].a",
  "args.a[*]",
  "args.b.a.c",
];
const otherPaths = ["key.name", "key.roles[*]", "claims.team", "time.hour"];

function test(allow: boolean): fc.Arbitrary<JsonObject> {
  const roots = [...plainPaths, ...plainPaths, ...otherPaths, ...(allow ? [] : ["client.name"])];
  const path = fc.constantFrom(...roots);
  return fc
    .oneof(
      { arbitrary: fc.tuple(path, fc.boolean(), pick(operands)), weight: 6 },
      { arbitrary: fc.tuple(path, fc.constant(false), pick(asking)), weight: 1 },
    )
    .map(([name, optional, tests]) => ({ [optional ? `${name}?` : name]: tests }));
}

function condition(allow: boolean): fc.Arbitrary<JsonObject> {
  return fc.letrec<{ map: JsonObject }>((tie) => ({
    map: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      { arbitrary: fc.array(test(allow), { minLength: 1, maxLength: 2 }).map(merge), weight: 5 },
      {
        arbitrary: fc.array(tie("map"), { minLength: 1, maxLength: 2 }).map((any) => ({ any })),
        weight: 1,
      },
      {
        arbitrary: fc.array(tie("map"), { minLength: 1, maxLength: 2 }).map((all) => ({ all })),
        weight: 1,
      },
      { arbitrary: tie("map").map((not) => ({ not })), weight: 1 },
    ),
  })).map;
}

function merge(maps: readonly JsonObject[]): JsonObject {
  return Object.fromEntries(maps.flatMap((map) => Object.entries(map)));
}

const toolGlobs = fc.constantFrom("s/a", "s/*", "*/a", "*", "s/b", "t/?", "*/b*");

function rule(effect: "allow" | "ask" | "deny"): fc.Arbitrary<Doc> {
  const inner = condition(effect === "allow");
  const other = fc.constantFrom<Json>("declared", "none", "any", ["a"], ["b", "c"]);
  const optional = { requiredKeys: ["effect", "tools"] as const };
  const base = {
    effect: fc.constant(effect),
    tools: fc.array(toolGlobs, { minLength: 1, maxLength: 2 }),
    methods: fc.constantFrom<Json>(["*"], ["tools/*"], ["foo/bar"]),
    who: fc.constantFrom<Json>(
      { roles: ["viewer"] },
      { keys: ["ag*"] },
      { keys: ["x", "agent"], roles: ["executor"] },
    ),
    when: inner,
    unless: inner,
  };
  return effect === "allow"
    ? fc
        .record({ ...base, other_args: other }, { requiredKeys: [...optional.requiredKeys] })
        .map(drop)
    : fc.record(base, { requiredKeys: [...optional.requiredKeys] }).map(drop);
}

/** methods and who make most calls match or none: keep them rare. */
function drop(one: object): Doc {
  const doc = one as Record<string, Json>;
  const keep = JSON.stringify(doc).length % 5 === 0;
  const { methods: _methods, who: _who, ...rest } = doc;
  return keep ? doc : rest;
}

export const rules: fc.Arbitrary<readonly Doc[]> = fc
  .array(fc.oneof(rule("allow"), rule("allow"), rule("ask"), rule("deny")), { maxLength: 5 })
  .map((list) => list.map((one, index) => ({ id: `r${index}`, ...one })));

export const shorthand: fc.Arbitrary<Doc> = fc.record(
  {
    allow: fc.uniqueArray(toolGlobs, { minLength: 1, maxLength: 2 }),
    ask: fc.uniqueArray(toolGlobs, { minLength: 1, maxLength: 1 }),
    deny: fc.uniqueArray(fc.constantFrom("s/b", "t/a"), { minLength: 1, maxLength: 1 }),
  },
  { requiredKeys: [] },
);

export const worlds: fc.Arbitrary<World> = fc.record({
  tool: fc.constantFrom("s/a", "s/b", "t/a", "t/bb"),
  declared: fc.constantFrom(undefined, [], ["a"], ["a", "b", "c"]),
  args: fc.dictionary(names, values, { maxKeys: 3, noNullPrototype: true }),
  inexact: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  key: fc.record({
    id: fc.constant("k"),
    name: fc.constantFrom("agent", "x", "y"),
    roles: fc.constantFrom(["executor"], ["executor", "viewer"], []),
  }),
  claims: fc.dictionary(fc.constant("team"), scalars, { maxKeys: 1, noNullPrototype: true }),
  client: fc.dictionary(fc.constant("name"), scalars, { maxKeys: 1, noNullPrototype: true }),
  hour: fc.constantFrom(0, 1, 2, 23),
});

export function subjectOf({ key, claims }: World): Subject {
  return { keyId: key.id, keyName: key.name, roles: key.roles, claims };
}

export function targetOf({ tool, declared }: World): Target {
  return { kind: "tool", name: tool, declared: declared && new Set(declared) };
}

export function factsOf({ args, inexact, client, hour }: World): Facts {
  return { args, inexact, client, request: {}, nowMs: Date.UTC(2026, 0, 1, hour) };
}
