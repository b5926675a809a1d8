/** Lists that cannot be read again: how long they stay, what is said of them, what is kept. */

import { describe, expect, test } from "bun:test";
import type { KeptList, KeptLists } from "../../src/catalog/kept.ts";
import type { ListMethod } from "../../src/protocol/lists.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  type Scripted,
  scriptedUpstream,
  setClock,
  settle,
  someone,
  type WorldOptions,
  world,
} from "../kit/scripted.ts";
import { schema } from "./kit.ts";

const policy = 'id: t\nrules:\n  - {id: all, effect: allow, methods: ["*"]}\n';
const tool = (name: string) => ({ name, inputSchema: schema });
const minute = 60_000;
const lists = { freshnessMs: 5 * minute, maxStaleMs: 30 * minute };

/** What is kept, in memory. */
function keptInMemory(): KeptLists & { readonly all: Map<string, KeptList> } {
  const all = new Map<string, KeptList>();
  const nameOf = (server: string, method: ListMethod) => `${server} ${method}`;
  return {
    all,
    load: (server, method) => all.get(nameOf(server, method)),
    save: (server, method, list) => void all.set(nameOf(server, method), list),
    forget: (server, method) => void all.delete(nameOf(server, method)),
  };
}

function counting(id: string, names: readonly string[], options: Scripted = {}) {
  const server = scriptedUpstream(id, names.map(tool), options);
  const list = server.list.bind(server);
  const counted = Object.assign(server, { reads: 0 });
  Object.assign(server, {
    list: (method: ListMethod) => {
      if (method === "tools/list") counted.reads += 1;
      return list(method);
    },
  });
  return counted;
}

async function open(servers: readonly Upstream[], more: WorldOptions = {}) {
  const at = await world(servers, { policy, lists, ...more });
  const { catalog } = at.ports;
  const told: string[] = [];
  catalog.onChange((changed) => told.push([...changed].join(" ")));
  const names = () => catalog.all().map(({ target }) => target);
  return { ...at, catalog, told, names };
}

/** How far the clock goes until the answer is there; undefined: at once. */
async function waited(at: { clock: ReturnType<typeof setClock> }, answer: Promise<unknown>) {
  let over = false;
  void answer.then(() => {
    over = true;
  });
  await settle();
  for (let ms = 0; ms <= 5_000; ms += 100) {
    if (over) return ms;
    await at.clock.advance(100);
  }
  throw new Error("no answer");
}

describe("freshness", () => {
  test("a list is read again by timer, never later than its freshness", async () => {
    const server = counting("s", ["a"]);
    const { clock } = await open([server]);
    expect(server.reads).toBe(1);
    await clock.advance(lists.freshnessMs);
    expect(server.reads).toBe(2);
    await clock.advance(10 * lists.freshnessMs);
    expect(server.reads).toBeGreaterThanOrEqual(12);
    expect(server.reads).toBeLessThanOrEqual(15);
  });

  const hints = { ttlMs: 20_000, cacheScope: "private" } as const;
  const tells = { tools: { listChanged: true } };
  const lives: readonly [string, Scripted, number, number][] = [
    ["ttlMs of a server that tells of no changes", { era: "modern", hints }, 15, 19],
    ["… at most every 5 s", { hints: { ...hints, ttlMs: 1 }, era: "modern" }, 60, 75],
    ["ttlMs of one that tells", { era: "modern", hints, capabilities: tells }, 1, 1],
  ];
  for (const [name, options, least, most] of lives) {
    test(`${name}: ${least} to ${most} reads in 299 s`, async () => {
      const server = counting("s", ["a"], options);
      const { clock } = await open([server], { lists: { ...lists, freshnessMs: 400_000 } });
      server.reads = 0;
      await clock.advance(299_000);
      const [low, high] = least === 1 ? [0, 0] : [least, most];
      expect(server.reads).toBeGreaterThanOrEqual(low);
      expect(server.reads).toBeLessThanOrEqual(high);
    });
  }

  test("a change that nobody told of is found, and told once", async () => {
    const server = counting("s", ["a"]);
    const { clock, told, names } = await open([server]);
    await clock.advance(1_000);
    told.length = 0;
    Object.assign(server, {
      list: async (method: ListMethod) => ({
        hints: { ttlMs: 0, cacheScope: "private" },
        items: method === "tools/list" ? [{ value: tool("b"), text: '{"name":"b"}' }] : [],
      }),
    });
    await clock.advance(lists.freshnessMs + 1_000);
    expect(names()).toEqual(["s/b"]);
    expect(told).toEqual(["tools/list"]);
  });

  test("a list that fails is asked for again soon, ever less often, and is shown", async () => {
    const server = counting("s", ["a"]);
    const { clock, catalog, names } = await open([server]);
    server.failLists(true);
    server.setTools([tool("b")]);
    await settle();
    server.reads = 0;
    await clock.advance(minute);
    expect(server.reads).toBeGreaterThanOrEqual(5);
    expect(server.reads).toBeLessThanOrEqual(8);
    expect(names()).toEqual(["s/a"]);
    expect(catalog.listAge("s")?.stale).toContain("its tools could not be listed");
    server.failLists(false);
    await clock.advance(2 * minute);
    expect(names()).toEqual(["s/b"]);
    expect(catalog.listAge("s")?.stale).toBeUndefined();
    expect(catalog.listFault("s")).toBeUndefined();
  });
});

describe("max_stale", () => {
  test("a server that is away keeps its place until then; one list_changed", async () => {
    const server = counting("s", ["a", "b"], { prompts: [{ name: "p" }] });
    const other = counting("o", ["x"]);
    const { clock, catalog, names, told } = await open([server, other]);
    await clock.advance(10_000);
    told.length = 0;
    const readMs = catalog.listAge("s")?.readMs as number;
    server.setState("backoff");
    await clock.advance(29 * minute);
    expect(names()).toEqual(["s/a", "s/b", "o/x"]);
    const age = catalog.listAge("s");
    const leavesMs = readMs + lists.maxStaleMs;
    expect(age).toEqual({ readMs, stale: "the server is in state backoff", leavesMs });
    expect(told).toEqual([]);
    await clock.advance(2 * minute);
    expect(names()).toEqual(["o/x"]);
    expect(catalog.prompt("s__p")).toBeUndefined();
    expect(told).toEqual(["tools/list prompts/list"]);
    expect(catalog.listAge("s")).toBeUndefined();
    server.setState("ready");
    await clock.advance(1_000);
    expect(names()).toEqual(["s/a", "s/b", "o/x"]);
    expect(catalog.listAge("s")?.stale).toBeUndefined();
  });

  test("one that is well stays, also where max_stale is shorter than freshness", async () => {
    const server = counting("s", ["a"]);
    const short = { freshnessMs: 60 * minute, maxStaleMs: minute };
    const { clock, names, told } = await open([server], { lists: short });
    await clock.advance(minute);
    told.length = 0;
    for (let n = 0; n < 600; n += 1) {
      await clock.advance(1_000);
      expect(names()).toEqual(["s/a"]);
    }
    expect(told).toEqual([]);
  });
});

describe("empty after non-empty", () => {
  test("is a fault; the last list stays, is asked for again, and is replaced at once", async () => {
    const server = counting("s", ["a", "b"]);
    const { clock, catalog, names, told } = await open([server]);
    await clock.advance(1_000);
    told.length = 0;
    server.setTools([]);
    await settle();
    const why = "it lists no tools, and had 2";
    expect(catalog.listFault("s")).toEqual({ method: "tools/list", why });
    expect(catalog.listAge("s")?.stale).toBe(why);
    server.reads = 0;
    await clock.advance(10_000);
    expect(names()).toEqual(["s/a", "s/b"]);
    expect(server.reads).toBeGreaterThanOrEqual(3);
    expect(told).toEqual([]);
    server.setTools([tool("c")]);
    await clock.advance(minute);
    expect(names()).toEqual(["s/c"]);
    expect(catalog.listFault("s")).toBeUndefined();
  });

  test("so is a server that came back and declares no such list; after max_stale it is so", async () => {
    const server = counting("s", ["a"], { prompts: [{ name: "p" }] });
    const { clock, catalog, names } = await open([server]);
    server.setList("prompts/list", undefined);
    await clock.advance(1_000);
    expect(catalog.prompt("s__p")).toBeDefined();
    expect(catalog.listFault("s")?.why).toBe("it lists no prompts, and had 1");
    await clock.advance(lists.maxStaleMs + minute);
    expect(catalog.prompt("s__p")).toBeUndefined();
    expect(catalog.listFault("s")).toBeUndefined();
    expect(names()).toEqual(["s/a"]);
  });

  test("an operator who disables and enables the server takes it as it is", async () => {
    const server = counting("s", ["a"]);
    const { catalog, names } = await open([server]);
    server.setTools([]);
    await settle();
    server.setState("disabled");
    server.setState("ready");
    await settle();
    expect(names()).toEqual([]);
    expect(catalog.listFault("s")).toBeUndefined();
  });
});

describe("after a restart", () => {
  async function before() {
    const kept = keptInMemory();
    const clock = setClock();
    const full = { prompts: [{ name: "p" }], resources: [{ uri: "x:1", name: "r" }] };
    const first = await open([counting("s", ["a"], full)], { kept, clock });
    await clock.advance(1_000);
    first.catalog.stop();
    return { kept, clock };
  }

  test("lists answer at once from what was kept, before the server is up", async () => {
    const { kept, clock } = await before();
    const down = counting("s", [], { state: "starting" });
    const { catalog, names } = await open([down], { kept, clock });
    expect(names()).toEqual(["s/a"]);
    expect(catalog.starting("tools/list")).toBeUndefined();
    const began = performance.now();
    const page = JSON.parse(await catalog.page("tools/list", someone, "legacy", undefined));
    expect(performance.now() - began).toBeLessThan(50);
    expect(page.tools).toEqual([{ name: "s__a", inputSchema: schema }]);
    expect((await catalog.hello(someone, "legacy")).capabilities).toHaveProperty("prompts");
    expect(catalog.resource("x:1")?.server).toBe("s");
    expect(catalog.resource("x:unlisted")?.server).toBe("s");
    expect(catalog.listAge("s")?.stale).toBe("the server is in state starting");
    down.setList("tools/list", [tool("b")]);
    down.setState("ready");
    await clock.advance(1_000);
    expect(names()).toEqual(["s/b"]);
  });

  test("what is older than max_stale is not shown, and not kept any longer", async () => {
    const { kept, clock } = await before();
    await clock.advance(lists.maxStaleMs);
    const { names } = await open([counting("s", [], { state: "starting" })], { kept, clock });
    expect(names()).toEqual([]);
    expect(kept.all.size).toBe(0);
  });

  test("it leaves when it is as old as that, also if the server never comes", async () => {
    const { kept, clock } = await before();
    await clock.advance(20 * minute);
    const { names } = await open([counting("s", [], { state: "backoff" })], { kept, clock });
    await clock.advance(9 * minute);
    expect(names()).toEqual(["s/a"]);
    await clock.advance(minute);
    expect(names()).toEqual([]);
  });

  test("a disabled server offers nothing of it, nor does one of another name", async () => {
    const { kept, clock } = await before();
    const servers = [counting("s", [], { state: "disabled" }), counting("t", [])];
    expect((await open(servers, { kept, clock })).names()).toEqual([]);
  });
});

describe("start_wait", () => {
  const cases: readonly [string, readonly Upstream[], number][] = [
    [
      "a server in its first start is waited for",
      [counting("s", [], { state: "starting" })],
      2_000,
    ],
    ["one in backoff is not", [counting("s", [], { state: "backoff" })], 0],
    ["one that keeps ending is not", [counting("s", [], { state: "crash-loop" })], 0],
    ["one that is disabled is not", [counting("s", [], { state: "disabled" })], 0],
    ["ready ones are not", [counting("s", ["a"])], 0],
  ];
  for (const [name, servers, most] of cases) {
    test(name, async () => {
      const at = await open(servers);
      const answer = at.catalog.page("tools/list", someone, "legacy", undefined);
      expect(await waited(at, answer)).toBe(most);
    });
  }

  test("it is one time for all: who comes later waits for what is left of it", async () => {
    const said: unknown[] = [];
    const hung = counting("hung", [], { state: "starting" });
    const at = await open([hung, counting("s", ["a"])], { warned: (...line) => said.push(line) });
    const page = () => at.catalog.page("tools/list", someone, "legacy", undefined);
    const first = page();
    await at.clock.advance(1_500);
    const second = page();
    expect(await waited(at, second)).toBe(500);
    await first;
    expect(await waited(at, page())).toBe(0);
    // A later start of a server that was there is no first one.
    expect(at.catalog.starting("tools/list")).toBeUndefined();
    const words = "lists wait no longer for servers";
    expect(said).toEqual([[words, { servers: ["hung"], startWaitMs: 2_000 }]]);
  });

  test("it is over once, not for each client: a hung server delays nobody after it", async () => {
    const at = await open([counting("hung", [], { state: "starting" }), counting("s", ["a"])]);
    await at.clock.advance(2_000);
    expect(await waited(at, at.catalog.page("tools/list", someone, "legacy", undefined))).toBe(0);
  });
});
