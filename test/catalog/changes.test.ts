import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { type ListMethod, listMethods } from "../../src/protocol/lists.ts";
import {
  type ScriptedUpstream,
  scriptedUpstream,
  settle,
  someone,
  world,
} from "../kit/scripted.ts";
import { schema } from "./kit.ts";

const all = 'id: t\nrules:\n  - {id: all, effect: allow, methods: ["*"], other_args: any}\n';
const tool = (name: string) => ({ name, inputSchema: schema });

const full = () =>
  scriptedUpstream("s", [tool("a")], {
    prompts: [{ name: "p" }],
    resources: [{ uri: "x:1", name: "r" }],
    templates: [{ uriTemplate: "x:{id}", name: "t" }],
  });

async function watched(server: ScriptedUpstream, ...others: ScriptedUpstream[]) {
  const at = await world([server, ...others], { policy: all });
  await at.clock.advance(1_000);
  const told: string[] = [];
  at.ports.catalog.onChange((changed) => told.push([...changed].join(" ")));
  const hashes = async () => {
    const found = await Promise.all(
      listMethods.map((method) => at.ports.catalog.visibleHash(method, someone)),
    );
    return new Map(listMethods.map((method, index) => [method, found[index]]));
  };
  return { at, told, hashes };
}

describe("changes", () => {
  const changes: readonly [ListMethod, object][] = [
    ["tools/list", tool("b")],
    ["prompts/list", { name: "q" }],
    ["resources/list", { uri: "x:2", name: "r" }],
    ["resources/templates/list", { uriTemplate: "y:{id}", name: "t" }],
  ];
  for (const [method, item] of changes) {
    test(`of ${method} are told of that list, and change its hash alone`, async () => {
      const server = full();
      const { at, told, hashes } = await watched(server);
      const before = await hashes();
      server.setList(method, [item as { name: string }]);
      await settle();
      await at.clock.advance(1_000);
      expect(told).toEqual([method]);
      const after = await hashes();
      for (const one of listMethods) {
        expect(after.get(one) === before.get(one)).toBe(one !== method);
      }
    });
  }

  test("the same list again is no change, a new policy is one of all lists", async () => {
    const server = full();
    const { at, told } = await watched(server);
    server.setTools([tool("a")]);
    await at.clock.advance(1_000);
    expect(told).toEqual([]);
    at.setPolicy(all);
    await at.clock.advance(1_000);
    expect(told).toEqual([listMethods.join(" ")]);
  });

  test("many within a moment are told once, with all lists", async () => {
    const server = full();
    const { at, told } = await watched(server);
    server.setTools([tool("b")]);
    await settle();
    server.setList("prompts/list", [{ name: "q" }]);
    await settle();
    await at.clock.advance(1_000);
    expect(told).toEqual(["tools/list prompts/list"]);
  });

  test("what a list says of a key's own items only changes what that key sees", async () => {
    const server = full();
    const at = await world([server], { policy: "id: t\nallow: [s/a]\n" });
    const before = await at.ports.catalog.visibleHash("tools/list", someone);
    server.setTools([tool("a"), tool("hidden")]);
    await settle();
    expect(await at.ports.catalog.visibleHash("tools/list", someone)).toBe(before);
  });

  test("R12 10,000 in a row are few reads, and the last state is the one that stays", async () => {
    const server = full();
    let reads = 0;
    const list = server.list.bind(server);
    Object.assign(server, {
      list: (method: ListMethod) => {
        if (method === "tools/list") reads += 1;
        return list(method);
      },
    });
    const { at } = await watched(server);
    reads = 0;
    for (let n = 0; n < 10_000; n += 1) {
      server.setTools([tool(`t${n}`)]);
      if (n % 100 === 0) await settle();
    }
    expect(reads).toBeLessThanOrEqual(limits.relists);
    await at.clock.advance(limits.relistWindowMs + 1_000);
    expect(at.ports.catalog.all().map(({ name }) => name)).toEqual(["t9999"]);
    expect(reads).toBeLessThanOrEqual(limits.relists + 1);
  });

  test("items of a server whose list did not change stay the same objects", async () => {
    const server = full();
    const other = scriptedUpstream("o", [tool("x")]);
    const { at } = await watched(server, other);
    const before = at.ports.catalog.tool("o__x");
    server.setTools([tool("b")]);
    await settle();
    expect(at.ports.catalog.tool("o__x")).toBe(before as NonNullable<typeof before>);
  });
});

describe("a list that fails", () => {
  test("takes neither the server's other lists nor its own last state", async () => {
    const server = full();
    const { at } = await watched(server);
    server.failLists(true);
    server.setList("prompts/list", [{ name: "new" }]);
    await settle();
    const { catalog } = at.ports;
    expect(catalog.listFault("s")).toEqual({
      method: "prompts/list",
      why: 'its prompts could not be listed: GW_UPSTREAM_ERROR: Cannot list "prompts/list"',
    });
    expect(catalog.prompt("s__p")).toBeDefined();
    expect(catalog.tool("s__a")).toBeDefined();
    server.failLists(false);
    server.setList("prompts/list", [{ name: "new" }]);
    await settle();
    expect(catalog.listFault("s")).toBeUndefined();
    expect(catalog.prompt("s__new")).toBeDefined();
  });

  test("a read that ends after its server was disabled brings nothing back", async () => {
    const server = full();
    let answer: () => void = () => undefined;
    const { at } = await watched(server);
    const list = server.list.bind(server);
    Object.assign(server, {
      list: async (method: ListMethod) => {
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return list(method);
      },
    });
    server.setTools([tool("late")]);
    server.setState("disabled");
    answer();
    await settle();
    expect(at.ports.catalog.all()).toEqual([]);
  });

  test("a disabled server offers nothing of any list; enabled again, all", async () => {
    const server = full();
    const { at, told } = await watched(server);
    server.setState("disabled");
    await at.clock.advance(1_000);
    for (const method of listMethods) expect(at.ports.catalog.listed(method)).toEqual([]);
    expect(told).toEqual([listMethods.join(" ")]);
    server.setState("ready");
    await settle();
    for (const method of listMethods) expect(at.ports.catalog.listed(method)).toHaveLength(1);
  });
});

describe("hostile lists", () => {
  const good = () =>
    scriptedUpstream("good", [tool("x")], { resources: [{ uri: "g:1", name: "g" }] });

  test("a list that cannot be built takes nothing with it, its own last state included", async () => {
    const evil = scriptedUpstream("evil", [tool("a")]);
    const { catalog } = (await world([evil, good()], { policy: all })).ports;
    const throwing = Object.defineProperty({ name: "x" }, "inputSchema", {
      enumerable: true,
      get() {
        throw new Error("a fault of ours");
      },
    });
    Object.assign(evil, {
      list: async () => ({
        items: [{ value: throwing, text: "{}" }],
        hints: { ttlMs: 0, cacheScope: "private" },
      }),
    });
    evil.setTools([]);
    await settle();
    expect(catalog.listFault("evil")?.why).toContain("its tools could not be listed as they are");
    const names = () => catalog.all().map(({ target }) => target);
    expect(names()).toEqual(["evil/a", "good/x"]);
  });

  test("R11 10,000 tools: as many as may be, the rest told in few lines, others untouched", async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => tool(`t${n}`));
    const at = await world([scriptedUpstream("evil", many), good()], { policy: all });
    const { catalog } = at.ports;
    expect(catalog.all()).toHaveLength(limits.toolsPerServer + 1);
    expect(catalog.tool("good__x")).toBeDefined();
    const held = catalog.quarantined();
    expect(held).toHaveLength(limits.heldBackShown + 1);
    const shown = limits.toolsPerServer + limits.heldBackShown;
    expect(held.at(-1)?.name).toBe(`(${10_000 - shown} more)`);
    expect(catalog.count("tools/list", "evil")).toEqual({
      ...{ offered: limits.toolsPerServer, heldBack: 10_000 - limits.toolsPerServer },
    });
    const began = performance.now();
    await catalog.page("tools/list", someone, "modern", undefined);
    expect(performance.now() - began).toBeLessThan(200);
  });

  test("duplicate URIs, huge items, odd URIs: refused one by one", async () => {
    const evil = scriptedUpstream("evil", [], {
      resources: [
        { uri: "e:1", name: "first" },
        { uri: "e:1", name: "again" },
        { uri: "g:1", name: "another's" },
        { uri: "e:2", name: "x".repeat(limits.itemBytes) },
        { uri: "e:\u202e3", name: "turned" },
        { uri: `e:${"x".repeat(limits.uriBytes)}`, name: "long" },
        { uri: { toString: 1 }, name: "no text" },
        { name: "none" },
        { uri: "e:4", name: "fine" },
      ],
    });
    const { catalog } = (await world([good(), evil], { policy: all })).ports;
    const uris = catalog.listed("resources/list").map(({ server, name }) => `${server} ${name}`);
    expect(uris).toEqual(["good g:1", "evil e:1", "evil e:4"]);
    expect(catalog.quarantined()).toHaveLength(7);
    for (const { kind, server } of catalog.quarantined()) {
      expect([kind, server]).toEqual(["resource", "evil"]);
    }
  });

  test("a list that changes while it is paged: no page mixes two states", async () => {
    const many = (prefix: string) => Array.from({ length: 600 }, (_, n) => tool(`${prefix}${n}`));
    const server = scriptedUpstream("s", many("a"));
    const { catalog } = (await world([server, good()], { policy: all })).ports;
    const first = JSON.parse(await catalog.page("tools/list", someone, "legacy", undefined));
    server.setTools(many("b"));
    await settle();
    const next = catalog.page("tools/list", someone, "legacy", first.nextCursor);
    expect(next).rejects.toMatchObject({ code: "GW_CURSOR" });
    expect(catalog.tool("good__x")).toBeDefined();
  });
});
