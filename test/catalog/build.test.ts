import { describe, expect, test } from "bun:test";
import type { Naming } from "../../src/catalog/naming.ts";
import { scriptedUpstream, settle, someone, world } from "../kit/scripted.ts";
import { schema, toolsOf } from "./kit.ts";

describe("names", () => {
  const cases: readonly [string, Record<string, readonly string[]>, Naming, readonly string[]][] = [
    ["prefix", { a: ["x"], b: ["x"] }, "prefix", ["a__x", "b__x"]],
    ["auto, unique", { a: ["x"], b: ["y"] }, "auto", ["x", "y"]],
    ["auto, collision", { a: ["x"], b: ["x", "y"] }, "auto", ["a__x", "b__x", "y"]],
    ["bare, collision: the first keeps it (P17)", { a: ["x"], b: ["x"] }, "bare", ["x"]],
    [
      "P16 a separator in a name is no split",
      { a: ["b__c"], "a-b": ["c"] },
      "prefix",
      ["a__b__c", "a-b__c"],
    ],
    ["twice in one list", { a: ["x", "x"] }, "prefix", ["a__x"]],
  ];
  for (const [name, servers, naming, expected] of cases) {
    test(name, () => {
      expect([...toolsOf(servers, naming).items.keys()]).toEqual([...expected]);
    });
  }

  test("P14 names outside the charset are quarantined with a reason", () => {
    const bad = ["", "verify_ѕer", "read\u200b_file", "a b", "a/b", "x".repeat(129), "‮x"];
    const { items, quarantined } = toolsOf({ a: ["good", ...bad] });
    expect([...items.keys()]).toEqual(["a__good"]);
    expect(quarantined).toHaveLength(bad.length);
  });

  test("P14 a name that throws when it is shown takes no other tool with it", async () => {
    const evil = { name: { toString: 1, valueOf: 1 }, inputSchema: schema } as never;
    const good = scriptedUpstream("good", [{ name: "x", inputSchema: schema }]);
    const at = await world([scriptedUpstream("evil", [evil]), good], {
      policy: "id: t\nallow: ['*']\n",
    });
    expect(at.ports.catalog.all().map((tool) => tool.exposed)).toEqual(["good__x"]);
    expect(at.ports.catalog.quarantined()).toHaveLength(1);
  });

  test("P14 case twins are two tools", () => {
    expect(toolsOf({ a: ["read_file", "Read_File"] }).items.size).toBe(2);
  });
});

describe("what a key sees", () => {
  const tools = [
    { name: "read", inputSchema: schema },
    { name: "write", inputSchema: schema },
    { name: "pay", inputSchema: schema },
  ];
  const policy = `id: t
allow: [s/read]
deny: [s/write]
rules:
  - {id: small, effect: allow, tools: [s/pay], when: {args.a: {lte: 5}}}
`;

  test("P12 hidden only where every call is denied", async () => {
    const at = await world([scriptedUpstream("s", tools)], { policy });
    const list = await at.ports.catalog.page("tools/list", someone, "legacy", undefined);
    const names = JSON.parse(list).tools.map((tool: { name: string }) => tool.name);
    expect(names).toEqual(["s__read", "s__pay"]);
  });

  test("F16 two keys, two lists; the same key, the same bytes", async () => {
    const two = `id: t
rules:
  - {id: a, effect: allow, tools: [s/read], who: {keys: [agent]}}
  - {id: b, effect: allow, tools: [s/write], who: {keys: [other]}}
`;
    const at = await world([scriptedUpstream("s", tools)], { policy: two });
    const other = { ...someone, keyId: "k2", keyName: "other" };
    const list = (who: typeof someone) =>
      at.ports.catalog.page("tools/list", who, "legacy", undefined);
    const mine = await list(someone);
    const theirs = await list(other);
    expect(mine).toContain("s__read");
    expect(mine).not.toContain("s__write");
    expect(theirs).not.toContain("s__read");
    expect(await list(someone)).toBe(mine);
  });

  test("a new policy or a new list is told once, and changes the view", async () => {
    const server = scriptedUpstream("s", tools);
    const at = await world([server], { policy });
    let told = 0;
    await at.clock.advance(1000);
    at.ports.catalog.onChange(() => told++);
    server.setTools(tools.slice(0, 1));
    server.setTools(tools.slice(0, 2));
    await settle();
    await at.clock.advance(1000);
    expect(told).toBe(1);
    at.setPolicy("id: t\ndeny: ['s/*']\n");
    await at.clock.advance(1000);
    expect(told).toBe(2);
    expect(await at.ports.catalog.page("tools/list", someone, "legacy", undefined)).toBe(
      '{"tools":[]}',
    );
  });
});
