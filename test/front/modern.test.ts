import { describe, expect, test } from "bun:test";
import { settle } from "../kit/scripted.ts";
import { bodyOf, follow, hello, modern, open, post, rpc, to, world } from "./kit.ts";

const silent = () => {};
const prefix = "io.modelcontextprotocol";

describe("2026-07-28", () => {
  test("a call stands alone: no session, its own client and capabilities", async () => {
    const made = world();
    const _meta = {
      [`${prefix}/clientInfo`]: { name: "new", version: "2" },
      [`${prefix}/clientCapabilities`]: { elicitation: {} },
    };
    const request = modern("tools/call", { name: "a__b", _meta }, { "mcp-session-id": "ignored" });
    const answer = await made.ask(request);
    expect([answer.status, answer.headers.get("mcp-session-id")]).toEqual([200, null]);
    const { incoming } = made.got[0]!;
    expect([incoming.era, incoming.protocol, incoming.session]).toEqual([
      "modern",
      "2026-07-28",
      "",
    ]);
    expect(incoming.client).toEqual({ name: "new", version: "2" });
    expect(incoming.capabilities.text).toBe('{"elicitation":{}}');
  });
  test("clientInfo may be absent, empty, wrong or endless", async () => {
    const made = world();
    for (const info of [undefined, {}, { name: 1 }, { name: "x".repeat(1000), version: "1" }]) {
      const _meta = info === undefined ? {} : { [`${prefix}/clientInfo`]: info };
      expect((await made.ask(modern("tools/list", { _meta }))).status).toBe(200);
    }
    expect(made.got.map((got) => got.incoming.client.name)).toEqual(["", "", "", ""]);
  });
  test("server/discover tells what initialize tells", async () => {
    const answer = await world().ask(modern("server/discover"));
    expect((await bodyOf(answer)).result).toEqual({
      resultType: "complete",
      supportedVersions: ["2026-07-28"],
      capabilities: { tools: { listChanged: true } },
      ttlMs: 0,
      cacheScope: "private",
      _meta: { [`${prefix}/serverInfo`]: { name: "authensor-gw", version: "0.0.0" } },
    });
  });
  test.each(["initialize", "ping", "logging/setLevel", "resources/subscribe"])(
    "%s is gone: 404 with a JSON-RPC body",
    async (method) => {
      const made = world();
      const answer = await made.ask(modern(method));
      expect(answer.status).toBe(404);
      const body = await bodyOf(answer);
      expect([body.id, body.error?.code]).toEqual([1, -32601]);
      expect(made.got).toHaveLength(0);
    },
  );
  test("GET and DELETE are not there", async () => {
    for (const method of ["GET", "DELETE"]) {
      const answer = await world().ask(
        to(method, "/mcp", { "mcp-protocol-version": "2026-07-28" }),
      );
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
    }
  });
  test("notifications are accepted", async () => {
    const _meta = {
      [`${prefix}/protocolVersion`]: "2026-07-28",
      [`${prefix}/clientCapabilities`]: {},
    };
    const body = {
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 1, _meta },
    };
    const headers = {
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "notifications/cancelled",
    };
    expect((await world().ask(post(body, headers))).status).toBe(202);
  });
  test.each([
    [{ "mcp-name": "other" }, -32020],
    [{ "mcp-name": undefined }, -32020],
    [{ "mcp-name": "a__b, a__b" }, -32020],
    [{ "mcp-method": "tools/list" }, -32020],
    [{ "mcp-method": undefined }, -32020],
    [{ "mcp-protocol-version": "2025-03-26" }, -32020],
    [{ "mcp-protocol-version": undefined }, -32020],
  ])("F17 F18 headers that differ from the body: %p", async (headers, code) => {
    const made = world();
    const answer = await made.ask(modern("tools/call", { name: "a__b" }, headers));
    expect([answer.status, (await bodyOf(answer)).error?.code]).toEqual([400, code]);
    expect(made.got).toHaveLength(0);
  });
  test("an unknown revision names those that are spoken", async () => {
    const _meta = { [`${prefix}/protocolVersion`]: "2030-01-01" };
    const answer = await world().ask(
      modern("tools/list", { _meta }, { "mcp-protocol-version": "2030-01-01" }),
    );
    const { error } = await bodyOf(answer);
    expect([answer.status, error?.code]).toEqual([400, -32022]);
    expect(error?.data).toMatchObject({ supported: ["2026-07-28"], requested: "2030-01-01" });
  });
  test("a modern header without the envelope is 400, not legacy", async () => {
    const made = world();
    const headers = { ...(await open(made)), "mcp-protocol-version": "2026-07-28" };
    const answer = await made.ask(post(rpc("tools/list"), headers));
    expect([answer.status, (await bodyOf(answer)).error?.code]).toEqual([400, -32602]);
  });
});

describe("the client leaves", () => {
  test("before the answer: that is a cancellation", async () => {
    const made = world(silent);
    const gone = new AbortController();
    const waiting = made.ask(
      new Request(modern("tools/call", { name: "a" }), { signal: gone.signal }),
    );
    await settle();
    gone.abort();
    await waiting;
    expect(made.got[0]?.cancelled).toBe("the client closed the response");
    expect(made.front.status().inFlight).toBe(0);
  });
  test("inside the stream: that too", async () => {
    const made = world(silent);
    const waiting = made.ask(modern("tools/call", { name: "a" }));
    await settle();
    made.got[0]?.reply.notify('{"jsonrpc":"2.0","method":"notifications/progress"}');
    await follow(await waiting).leave();
    expect(made.got[0]?.cancelled).toBe("the client closed the response");
  });
  test("after the answer: that is nothing (Deno always says so)", async () => {
    const made = world();
    const gone = new AbortController();
    const answer = await made.ask(
      new Request(modern("tools/call", { name: "a" }), { signal: gone.signal }),
    );
    gone.abort();
    expect(answer.status).toBe(200);
    expect(made.got[0]?.cancelled).toBe(undefined);
  });
  test("before we looked: the call is cancelled as soon as it began", async () => {
    const made = world(silent);
    const gone = new AbortController();
    const request = new Request(modern("tools/call", { name: "a" }), { signal: gone.signal });
    const waiting = made.ask(request);
    gone.abort();
    await waiting.catch(() => undefined);
    await settle();
    expect(made.front.status().inFlight).toBe(0);
    if (made.got.length > 0) expect(made.got[0]?.cancelled).toBe("the client closed the response");
  });
});

describe("a gateway that is pinned to one family", () => {
  test("modern: initialize names what is spoken, GET and DELETE are not there", async () => {
    const made = world(silent, { protocol: "modern" });
    const answer = await made.ask(post(hello));
    const { error } = await bodyOf(answer);
    expect([answer.status, error?.code]).toEqual([400, -32022]);
    expect(error?.message).toContain("2026-07-28");
    expect(error?.data).toMatchObject({ supported: ["2026-07-28"], requested: "2025-11-25" });
    for (const method of ["GET", "DELETE"]) {
      const session = { "mcp-session-id": "x", "mcp-protocol-version": "2025-11-25" };
      expect((await made.ask(to(method, "/mcp", session))).status).toBe(405);
    }
    const response = { jsonrpc: "2.0", id: 1, result: {} };
    expect((await made.ask(post(response))).status).toBe(400);
    expect((await made.ask(modern("server/discover"))).status).toBe(200);
  });
  test("legacy: a modern request is refused as an old server would", async () => {
    const made = world(silent, { protocol: "legacy" });
    const answer = await made.ask(modern("server/discover"));
    const { error } = await bodyOf(answer);
    expect([answer.status, error?.code, error?.data?.code]).toEqual([400, -32600, "GW_ERA"]);
    expect((await made.ask(post(hello))).status).toBe(200);
  });
});
