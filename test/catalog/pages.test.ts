import { describe, expect, test } from "bun:test";
import type { Identity } from "../../src/access/access.ts";
import { handle } from "../../src/call/methods.ts";
import type { ListMethod } from "../../src/protocol/lists.ts";
import type { Era } from "../../src/protocol/message.ts";
import {
  type Scripted,
  scriptedUpstream,
  settle,
  someone,
  type World,
  world,
} from "../kit/scripted.ts";
import { catchReply, incoming } from "../kit/scripted-client.ts";
import { schema } from "./kit.ts";

const all = 'id: t\nrules:\n  - {id: all, effect: allow, methods: ["*"], other_args: any}\n';
const other: Identity = { ...someone, keyId: "k2", keyName: "other" };

interface Asked {
  readonly cursor?: unknown;
  readonly identity?: Identity;
  readonly era?: Era;
}

interface Answer {
  readonly status: number;
  readonly result: Record<string, unknown>;
  readonly error: Record<string, unknown> | undefined;
}

/** One list request as a client makes it. */
async function ask(at: World, method: ListMethod, asked: Asked = {}): Promise<Answer> {
  const { cursor, identity = someone, era = "modern" } = asked;
  const params = JSON.stringify(cursor === undefined ? {} : { cursor });
  const reply = catchReply();
  const body = `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`;
  handle(incoming(body, { identity, era }), reply, at.ports);
  await settle();
  const answer = reply.answer();
  if (answer === undefined) throw new Error("no answer");
  const { result, error } = answer.value as Record<string, Record<string, unknown>>;
  return { status: answer.status, result: result ?? {}, error };
}

function tools(count: number, prefix = "t") {
  return Array.from({ length: count }, (_, at) => ({
    name: `${prefix}${at}`,
    inputSchema: schema,
  }));
}

async function cursorOf(at: World, method: ListMethod = "tools/list", asked: Asked = {}) {
  const { result } = await ask(at, method, asked);
  return result["nextCursor"] as string;
}

const unknown = { code: -32602, data: { code: "GW_CURSOR" } };

describe("pages", () => {
  for (const era of ["legacy", "modern"] as const) {
    test(`all items once and in order, ${era}`, async () => {
      const at = await world(
        [scriptedUpstream("a", tools(700)), scriptedUpstream("b", tools(501), { era: "modern" })],
        { policy: all },
      );
      const names: string[] = [];
      const sizes: number[] = [];
      const scopes = new Set<unknown>();
      let cursor: unknown;
      do {
        const { result } = await ask(at, "tools/list", { cursor, era });
        const page = result["tools"] as { name: string }[];
        names.push(...page.map(({ name }) => name));
        sizes.push(page.length);
        scopes.add(result["cacheScope"]);
        expect(result["resultType"]).toBe(era === "modern" ? "complete" : undefined);
        cursor = result["nextCursor"];
      } while (cursor !== undefined);
      expect(sizes).toEqual([500, 500, 201]);
      expect(names).toEqual([
        ...tools(700, "a__t").map(({ name }) => name),
        ...tools(501, "b__t").map(({ name }) => name),
      ]);
      expect([...scopes]).toEqual([era === "modern" ? "private" : undefined]);
    });
  }

  test("exactly one page has no cursor; none at all is a page too", async () => {
    const at = await world([scriptedUpstream("a", tools(500))], { policy: all });
    expect(await cursorOf(at)).toBeUndefined();
    at.setPolicy("id: t\ndeny: ['*']\n");
    expect((await ask(at, "tools/list")).result["tools"]).toEqual([]);
  });

  test("are prepared once: asking again asks no rule, and gives the same bytes", async () => {
    const at = await world([scriptedUpstream("a", tools(1_200))], { policy: all });
    const list = (cursor?: string) =>
      at.ports.catalog.page("tools/list", someone, "modern", cursor);
    const first = await list();
    const { nextCursor } = JSON.parse(first);
    const second = await list(nextCursor);
    let asked = 0;
    const policy = at.ports.policy();
    const { candidates } = policy;
    Object.assign(policy, {
      candidates: (...given: Parameters<typeof candidates>) => {
        asked += 1;
        return candidates(...given);
      },
    });
    expect(await list()).toBe(first);
    expect(await list(nextCursor)).toBe(second);
    expect(asked).toBe(0);
  });
});

describe("F16 cursors", () => {
  test("of another key, list or era, and forged ones, are one and the same error", async () => {
    const prompts = Array.from({ length: 600 }, (_, at) => ({ name: `p${at}` }));
    const at = await world([scriptedUpstream("a", tools(600), { prompts })], { policy: all });
    const mine = await cursorOf(at);
    const refused: readonly [string, ListMethod, Asked][] = [
      ["of key A by key B", "tools/list", { cursor: mine, identity: other }],
      ["of tools for prompts", "prompts/list", { cursor: mine }],
      ["of the other era", "tools/list", { cursor: mine, era: "legacy" }],
      ["cut", "tools/list", { cursor: mine.slice(0, -1) }],
      ["changed", "tools/list", { cursor: (mine.startsWith("A") ? "B" : "A") + mine.slice(1) }],
      ["garbage", "tools/list", { cursor: "garbage" }],
      ["empty", "tools/list", { cursor: "" }],
      [
        "sealed for something else",
        "tools/list",
        { cursor: at.ports.sealer.seal("session", "k1", "[]") },
      ],
    ];
    const messages = new Set<unknown>();
    for (const [, method, asked] of refused) {
      const { status, error, result } = await ask(at, method, asked);
      expect([status, error]).toMatchObject([200, unknown]);
      expect(result).toEqual({});
      messages.add(JSON.stringify(error));
    }
    expect(messages.size).toBe(1);
    expect((await ask(at, "tools/list", { cursor: mine })).result["tools"]).toHaveLength(100);
  });

  test("a cursor that is no string is told of", async () => {
    const at = await world([scriptedUpstream("a", tools(1))], { policy: all });
    const { error } = await ask(at, "tools/list", { cursor: 5 });
    expect(error).toMatchObject({ code: -32602, data: { code: "GW_PARAMS" } });
  });

  test("are old when the list changed, and good again when it is the old one", async () => {
    const server = scriptedUpstream("a", tools(600));
    const at = await world([server], { policy: all });
    const cursor = await cursorOf(at);
    server.setTools(tools(601));
    await settle();
    expect((await ask(at, "tools/list", { cursor })).error).toMatchObject(unknown);
    server.setTools(tools(600));
    await settle();
    expect((await ask(at, "tools/list", { cursor })).result["tools"]).toHaveLength(100);
    at.setPolicy("id: t\nallow: ['a/*']\ndeny: [a/t599]\n");
    expect((await ask(at, "tools/list", { cursor })).error).toMatchObject(unknown);
  });

  test("hold nothing that can be read", async () => {
    const at = await world([scriptedUpstream("a", tools(600))], { policy: all });
    const text = Buffer.from(await cursorOf(at), "base64url").toString("latin1");
    expect(text).not.toMatch(/tools|modern|k1/);
  });
});

describe("F16 cache hints", () => {
  const open: Scripted = { era: "modern", hints: { ttlMs: 5_000, cacheScope: "public" } };
  const short: Scripted = { era: "modern", hints: { ttlMs: 900, cacheScope: "public" } };
  const own: Scripted = { era: "modern", hints: { ttlMs: 9_000, cacheScope: "private" } };
  const who = `${all.trimEnd()}\n  - {id: w, effect: deny, tools: ["zz/*"], who: {keys: [other]}}\n`;
  const cases: readonly [string, readonly Scripted[], string, number, string][] = [
    ["one public server", [open], all, 5_000, "public"],
    ["the shortest of two", [open, short], all, 900, "public"],
    ["one of them private", [open, own], all, 5_000, "private"],
    ["a legacy server among them", [open, {}], all, 0, "private"],
    ["rules that differ by key", [open], who, 5_000, "private"],
    ["no server", [], all, 0, "private"],
  ];
  for (const [name, servers, policy, ttlMs, cacheScope] of cases) {
    test(`${name}: ${ttlMs} ${cacheScope}, on every page`, async () => {
      const upstreams = servers.map((options, at) =>
        scriptedUpstream(`s${at}`, tools(600), options),
      );
      const at = await world(upstreams, { policy });
      let cursor: unknown;
      do {
        const { result } = await ask(at, "tools/list", { cursor });
        expect(result).toMatchObject({ ttlMs, cacheScope });
        cursor = result["nextCursor"];
      } while (cursor !== undefined);
    });
  }

  test("while a list is missing or failed, nothing may be kept", async () => {
    const late = scriptedUpstream("b", tools(1), { ...open, state: "starting" });
    const server = scriptedUpstream("a", tools(1), open);
    const at = await world([server, late], { policy: all });
    const wait = ask(at, "tools/list").catch(() => undefined);
    await at.clock.advance(3_000);
    await wait;
    const hints = async () => {
      const { ttlMs, cacheScope } = JSON.parse(
        await at.ports.catalog.page("tools/list", someone, "modern", undefined),
      );
      return [ttlMs, cacheScope];
    };
    late.setState("backoff");
    await settle();
    expect(await hints()).toEqual([0, "private"]);
    late.setState("ready");
    await settle();
    expect(await hints()).toEqual([5_000, "public"]);
    late.failLists(true);
    late.setTools(tools(2));
    await settle();
    expect(await hints()).toEqual([0, "private"]);
  });
});
