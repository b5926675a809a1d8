/** U22: schemas that would harm whoever validates with them, and ones that look so and do not. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { JsonObject } from "../../src/base/json.ts";
import { limits } from "../../src/base/limits.ts";
import { schemaFault } from "../../src/catalog/schema.ts";
import { scriptedUpstream, world } from "../kit/scripted.ts";

/** `{properties: {a: {properties: {a: …}}}}`: two levels each. */
function nested(levels: number): JsonObject {
  let schema: JsonObject = {};
  for (let n = 0; n < levels; n += 1) schema = { properties: { a: schema } };
  return schema;
}

/** Each definition refers twice to the next: 2 to the power of `steps`. */
function doubling(steps: number): JsonObject {
  const names = Array.from({ length: steps }, (_, n) => `d${n}`);
  const next = (n: number) => ({ $ref: `#/$defs/d${n + 1}` });
  const all = names.map((name, n) => [name, { allOf: [next(n), next(n)] }]);
  return { $ref: "#/$defs/d0", $defs: { ...Object.fromEntries(all), [`d${steps}`]: {} } };
}

const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`p${n}`, { type: "string" }]));

const hostile: readonly [string, JsonObject, string][] = [
  ["eliza#22349: 75 bytes", { allOf: [{ $ref: "#" }, { $ref: "#" }] }, "leads back to itself"],
  ["a $ref to its own place", { $ref: "#" }, "leads back to itself"],
  ["in a property", { properties: { a: { anyOf: [{ $ref: "#/properties/a" }] } } }, "leads back"],
  [
    "a circle of three",
    { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { not: { $ref: "#/$defs/a" } } } },
    "leads back",
  ],
  ["by anchor", { $anchor: "me", if: { $ref: "#me" } }, "leads back"],
  ["by dynamic anchor", { $dynamicAnchor: "n", else: { $dynamicRef: "#n" } }, "leads back"],
  ["by an escaped pointer", { $defs: { "a/b": { $ref: "#/$defs/a~1b" } } }, "leads back"],
  ["by a coded pointer", { $defs: { "a b": { $ref: "#/$defs/a%20b" } } }, "leads back"],
  ["behind an unknown keyword", { $ref: "#/x", x: { $ref: "#/x" } }, "leads back"],
  ["in old dependencies", { dependencies: { a: { $ref: "#" } } }, "leads back"],
  ["references that multiply", doubling(20), "multiply"],
  ["a remote $ref", { properties: { a: { $ref: "https://evil.test/s" } } }, "another document"],
  ["metadata", { items: { $ref: "http://169.254.169.254/latest" } }, "another document"],
  ["a file", { $ref: "file:///etc/passwd" }, "another document"],
  ["a relative one", { $ref: "other.json#/a" }, "another document"],
  ["too deep", nested(40), `deeper than ${limits.schemaDepth}`],
  ["too deep in an enum", { enum: [nested(40)] }, "deeper"],
  ["too many", { properties: many(limits.subschemas) }, "more than 500 subschemas"],
  ["too many in $defs", { $defs: many(limits.subschemas) }, "more than 500 subschemas"],
];

const sound: readonly [string, JsonObject][] = [
  ["nothing", {}],
  ["a tree: each step goes into the value", { properties: { left: { $ref: "#" } } }],
  [
    "a list of itself, shared definitions",
    {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $ref: "#/$defs/node",
      $defs: {
        node: { properties: { next: { $ref: "#/$defs/node" }, tag: { $ref: "#/$defs/tag" } } },
        tag: { anyOf: [{ type: "string" }, { items: { $ref: "#/$defs/tag" } }] },
      },
    },
  ],
  ["a property called $ref", { properties: { $ref: { type: "string" } } }],
  ["a $ref that is data", { enum: [{ $ref: "https://evil.test" }], default: { $ref: "x" } }],
  ["one that leads nowhere", { $ref: "#/$defs/none" }],
  ["as deep as may be", nested(limits.schemaDepth / 2)],
  ["as many as may be", { properties: many(limits.subschemas - 1) }],
  ["a few references more than once", doubling(10)],
];

describe("U22", () => {
  for (const [name, schema, why] of hostile) {
    test(`held back: ${name}`, () => expect(schemaFault(schema)).toContain(why));
  }
  for (const [name, schema] of sound) {
    test(`sound: ${name}`, () => expect(schemaFault(schema)).toBeUndefined());
  }

  test("whatever JSON it is, an answer comes", () => {
    const keys = ["$ref", "allOf", "not", "properties", "items", "$defs", "$anchor", "a", "if"];
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { depthSize: "medium" },
        fc.constantFrom("#", "#/$defs/a", "#a", "#/properties/a", "x", 1, null, true),
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom(...keys), tie("tree"), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), tree), (schema) => {
        const fault = schemaFault(schema as JsonObject);
        expect(fault === undefined || typeof fault === "string").toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test("such a tool is held back with the reason, within 50 ms; the others are not", async () => {
    const tools = [
      ...hostile.map(([, inputSchema], n) => ({ name: `bad${n}`, inputSchema })),
      ...hostile.map(([, outputSchema], n) => ({
        ...{ name: `out${n}`, inputSchema: { type: "object" }, outputSchema },
      })),
      { name: "huge", inputSchema: { description: "x".repeat(10 * 1024 * 1024) } },
      { name: "good", inputSchema: { type: "object", properties: { a: { $ref: "#" } } } },
    ];
    const began = performance.now();
    const at = await world([scriptedUpstream("s", tools)], { policy: 'id: t\nallow: ["*"]\n' });
    const took = performance.now() - began;
    const { catalog } = at.ports;
    expect(catalog.all().map(({ name }) => name)).toEqual(["good"]);
    const held = new Map(catalog.quarantined().map(({ name, why }) => [name, why]));
    expect(held.size).toBe(tools.length - 1);
    expect(held.get("bad0")).toBe("its inputSchema has a $ref that leads back to itself");
    expect(held.get("out0")).toBe("its outputSchema has a $ref that leads back to itself");
    expect(held.get("huge")).toContain(`over ${limits.itemBytes} bytes`);
    // 10 MB are stringified and hashed by the test's own server within it.
    expect(took).toBeLessThan(250);
  });
});
