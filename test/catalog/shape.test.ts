/** Items that would take the whole list from a client whose library checks types (U22). */

import { describe, expect, test } from "bun:test";
import {
  PromptSchema,
  ResourceSchema,
  ResourceTemplateSchema,
  ToolSchema,
} from "@modelcontextprotocol/sdk/types.js";
import fc from "fast-check";
import type { JsonObject } from "../../src/base/json.ts";
import { shapeFault } from "../../src/catalog/shape.ts";
import { type ListMethod, listMethods } from "../../src/protocol/lists.ts";
import { scriptedUpstream, someone, world } from "../kit/scripted.ts";

const input = { type: "object" };
const tool = (more: object): JsonObject => ({ name: "t", inputSchema: input, ...more });
const bad: readonly [ListMethod, JsonObject, string][] = [
  ["tools/list", tool({ inputSchema: { type: "string" } }), 'inputSchema is not "object"'],
  ["tools/list", tool({ outputSchema: { type: "array" } }), 'outputSchema is not "object"'],
  ["tools/list", tool({ outputSchema: true }), "its outputSchema is not an object"],
  ["tools/list", tool({ inputSchema: { ...input, required: "a" } }), "required is not a list"],
  ["tools/list", tool({ inputSchema: { ...input, properties: [] } }), "properties is not"],
  ["tools/list", tool({ inputSchema: { ...input, properties: { a: true } } }), "a property in"],
  ["tools/list", tool({ description: 7 }), "its description is not a string"],
  ["tools/list", tool({ title: ["x"] }), "its title is not a string"],
  ["tools/list", tool({ annotations: "x" }), "its annotations is not an object"],
  ["tools/list", tool({ annotations: { readOnlyHint: "yes" } }), "annotations.readOnlyHint"],
  ["tools/list", tool({ execution: { taskSupport: "maybe" } }), "execution.taskSupport"],
  ["tools/list", tool({ icons: [{ href: "x" }] }), "icons is not a list"],
  ["tools/list", tool({ _meta: [] }), "its _meta is not an object"],
  ["prompts/list", { name: "p", arguments: {} }, "arguments is not a list"],
  ["prompts/list", { name: "p", arguments: [{ name: 1 }] }, "arguments is not a list"],
  ["resources/list", { uri: "x:1" }, "it has no name"],
  ["resources/list", { uri: "x:1", name: "r", size: "9" }, "its size is not a number"],
  [
    "resources/list",
    { uri: "x:1", name: "r", annotations: { lastModified: "soon" } },
    "annotations.lastModified",
  ],
  ["resources/templates/list", { uriTemplate: "x:{a}", name: "r", mimeType: 1 }, "mimeType"],
];

describe("held back, with the member that is wrong", () => {
  for (const [method, item, why] of bad) {
    test(`${method} ${JSON.stringify(item)}`, () => {
      expect(shapeFault(method, item, "legacy")).toContain(why);
    });
  }

  test("U22 no list with one of them is refused by a client, and nothing else is missing", async () => {
    const of = (method: ListMethod) => bad.flatMap(([one, item]) => (one === method ? [item] : []));
    const tools = of("tools/list").map((item, n) => ({ ...item, name: `bad${n}` }));
    const evil = scriptedUpstream("evil", tools, {
      prompts: of("prompts/list") as never,
      resources: of("resources/list") as never,
      templates: of("resources/templates/list") as never,
    });
    const good = scriptedUpstream("good", [tool({}) as never]);
    const { catalog } = (await world([evil, good], { policy: 'id: t\nallow: ["*"]\n' })).ports;
    const page = JSON.parse(await catalog.page("tools/list", someone, "legacy", undefined));
    expect(page.tools.map(({ name }: { name: string }) => name)).toEqual(["good__t"]);
    for (const method of listMethods) expect(catalog.count(method, "evil").offered).toBe(0);
  });
});

test("what servers in Python write for nothing is left out, and the rest stays as written", async () => {
  const nulls = { title: null, description: null, outputSchema: null, _meta: null, icons: null };
  const odd = tool({ ...nulls, annotations: { title: null, readOnlyHint: true }, x: { y: null } });
  const server = scriptedUpstream("s", [odd as never]);
  const { catalog } = (await world([server], { policy: 'id: t\nallow: ["*"]\n' })).ports;
  for (const era of ["legacy", "modern"] as const) {
    const page = JSON.parse(await catalog.page("tools/list", someone, era, undefined));
    expect(page.tools).toEqual([
      {
        ...{ name: "s__t", inputSchema: input },
        annotations: { readOnlyHint: true },
        x: { y: null },
      },
    ]);
  }
});

test("a schema of arguments that does not say so is one of an object", async () => {
  const server = scriptedUpstream("s", [
    { name: "a", inputSchema: {} },
    { name: "b", inputSchema: { properties: { x: {} } } },
  ]);
  const { catalog } = (await world([server], { policy: 'id: t\nallow: ["*"]\n' })).ports;
  const page = JSON.parse(await catalog.page("tools/list", someone, "legacy", undefined));
  expect(page.tools).toEqual([
    { name: "s__a", inputSchema: input },
    { name: "s__b", inputSchema: { ...input, properties: { x: {} } } },
  ]);
});

test("a property that is true or false is for clients of 2026-07-28 alone", async () => {
  const item = tool({ inputSchema: { ...input, properties: { a: true } } });
  expect(shapeFault("tools/list", item, "modern")).toBeUndefined();
  expect(ToolSchema.safeParse(item).success).toBe(false);
});

const schemas = {
  "tools/list": ToolSchema,
  "prompts/list": PromptSchema,
  "resources/list": ResourceSchema,
  "resources/templates/list": ResourceTemplateSchema,
} as const;
const whole: Readonly<Record<ListMethod, JsonObject>> = {
  "tools/list": tool({}),
  "prompts/list": { name: "p" },
  "resources/list": { uri: "x:1", name: "r" },
  "resources/templates/list": { uriTemplate: "x:{a}", name: "t" },
};
const members = [
  ...["title", "description", "icons", "annotations", "_meta", "execution", "outputSchema"],
  ...["inputSchema", "arguments", "size", "mimeType", "taskSupport", "audience", "priority"],
  ...["lastModified", "readOnlyHint", "type", "properties", "required", "src", "theme", "sizes"],
];
const words = ["", "object", "required", "user", "light", "2026-01-01T00:00:00Z", "2026-13-01"];
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    ...[fc.constantFrom(...words), fc.boolean(), fc.double({ noNaN: true, min: -2, max: 2 })],
    fc.array(tie("any"), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom(...members, "name"), tie("any"), { maxKeys: 3 }),
  ),
})).any;

for (const method of listMethods) {
  test(`${method}: what is offered, a strict client takes`, () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...members), value, { maxKeys: 2 }), (more) => {
        const item = { ...whole[method], ...(more as JsonObject) };
        const fault = shapeFault(method, item, "legacy");
        // A schema that is missing is told elsewhere.
        if (fault === undefined) expect(schemas[method].safeParse(item).error).toBeUndefined();
      }),
      { numRuns: 3_000 },
    );
  });
}
