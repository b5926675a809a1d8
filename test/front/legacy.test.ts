import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { createSealer } from "../../src/base/seal.ts";
import { systemRandom } from "../../src/base/system.ts";
import { legacyRevisions, modernRevision } from "../../src/protocol/versions.ts";
import { settle } from "../kit/scripted.ts";
import {
  bodyOf,
  codeOf,
  echo,
  follow,
  type Got,
  hello,
  open,
  post,
  rpc,
  to,
  world,
} from "./kit.ts";

const call = (id: string | number = 1) => rpc("tools/call", { name: "a__b" }, id);
const notification = (method: string, params?: object) => ({ jsonrpc: "2.0", method, params });

/** Never answers by itself. */
const silent = () => {};
const finish = (got: Got, result = "{}") =>
  got.reply.send(200, [`{"jsonrpc":"2.0","id":${got.incoming.message.idText},"result":${result}}`]);

describe("initialize", () => {
  test("mints a sealed session that belongs to the key; no two are the same", async () => {
    const made = world();
    const answer = await made.ask(post(hello));
    const id = answer.headers.get("mcp-session-id") ?? "";
    expect(id).toMatch(/^[A-Za-z0-9_-]{100,200}$/);
    const sealer = createSealer(new Uint8Array(32), systemRandom);
    expect(sealer.open("session", "alice", id)).toContain("2025-11-25");
    expect((await open(world()))["mcp-session-id"]).not.toBe(id);
    expect(await bodyOf(answer)).toEqual({
      jsonrpc: "2.0",
      id: 1,
      result: {
        protocolVersion: "2025-11-25",
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: "authensor-gw", version: "0.0.0" },
      },
    });
    expect(made.front.status().sessions).toBe(1);
  });
  test.each([
    ["2025-06-18", "2025-06-18"],
    ["2025-03-26", "2025-03-26"],
    ["1999-01-01", "2025-11-25"],
  ])("asked for %s it answers %s", async (asked, got) => {
    const params = {
      protocolVersion: asked,
      capabilities: {},
      clientInfo: { name: "x", version: "" },
    };
    const answer = await bodyOf(await world().ask(post(rpc("initialize", params))));
    expect(answer.result?.["protocolVersion"]).toBe(got);
  });
  test.each([
    {},
    { protocolVersion: 1, capabilities: {}, clientInfo: {} },
    { protocolVersion: "2025-11-25", clientInfo: {} },
    { protocolVersion: "2025-11-25", capabilities: {} },
    { protocolVersion: "2025-11-25", capabilities: { x: "y".repeat(20_000) }, clientInfo: {} },
  ])("params that do not fit make no session %#", async (params) => {
    const made = world();
    expect(await codeOf(await made.ask(post(rpc("initialize", params))))).toBe("GW_PARAMS");
    expect(made.front.status().sessions).toBe(0);
  });
  test("a client that reads only streams gets one event", async () => {
    const answer = await world().ask(post(hello, { accept: "text/event-stream" }));
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(await answer.text()).toContain('data: {"jsonrpc":"2.0","id":1,"result":{');
  });
});

describe("sessions", () => {
  test("what was declared comes with each call", async () => {
    const made = world();
    const session = await open(made);
    await made.ask(post(call("é"), session));
    const { incoming } = made.got[0]!;
    expect([incoming.era, incoming.protocol, incoming.client]).toEqual([
      "legacy",
      "2025-11-25",
      { name: "test", version: "1" },
    ]);
    expect(incoming.session).toMatch(/^[0-9a-f]{32}$/);
    expect(incoming.session).not.toContain(session["mcp-session-id"]!);
  });
  test("F14 another key's session does not exist, on any method", async () => {
    const made = world();
    const mine = await open(made);
    const stream = follow(await made.ask(to("GET", "/mcp", mine)));
    const theirs = { ...mine, authorization: "Bearer bob" };
    for (const request of [
      post(call(), theirs),
      to("GET", "/mcp", theirs),
      to("DELETE", "/mcp", theirs),
    ]) {
      const answer = await made.ask(request);
      expect([answer.status, await codeOf(answer)]).toEqual([404, "GW_SESSION_UNKNOWN"]);
    }
    const cancel = notification("notifications/cancelled", { requestId: 1 });
    expect((await made.ask(post(cancel, theirs))).status).toBe(404);
    expect(made.got).toHaveLength(0);
    expect(stream.over()).toBe(false);
    expect((await made.ask(post(call(), mine))).status).toBe(200);
  });
  test("none is 400, unknown is 404, two are 400", async () => {
    const made = world();
    const { "mcp-session-id": id } = await open(made);
    const cases: [string | undefined, number, string][] = [
      [undefined, 400, "GW_SESSION_MISSING"],
      ["x", 404, "GW_SESSION_UNKNOWN"],
      [`${id}, ${id}`, 400, "GW_HEADER"],
    ];
    for (const [sent, status, code] of cases) {
      const answer = await made.ask(post(call(), { "mcp-session-id": sent }));
      expect([answer.status, await codeOf(answer)]).toEqual([status, code]);
    }
  });
  test("the version header must be one that is spoken; none is fine", async () => {
    const made = world();
    const session = await open(made);
    const ask = async (version: string | undefined) =>
      (await made.ask(post(call(), { ...session, "mcp-protocol-version": version }))).status;
    expect([await ask("2025-11-25"), await ask(undefined), await ask("2020-01-01")]).toEqual([
      200, 200, 400,
    ]);
  });
  test.each([
    ["auto", [modernRevision, ...legacyRevisions]],
    ["legacy", legacyRevisions],
    ["modern", [modernRevision]],
  ] as const)(
    "pinned to %s, a version header that is not spoken names those that are",
    async (protocol, supported) => {
      const made = world(echo, { protocol });
      const headers = { "mcp-session-id": "x", "mcp-protocol-version": "2020-01-01" };
      const answers = [post(call(), headers), post(notification("notifications/x"), headers)];
      for (const request of answers) {
        const { error } = await bodyOf(await made.ask(request));
        expect([error?.code, error?.data]).toEqual([
          -32022,
          expect.objectContaining({ code: "GW_VERSION", supported, requested: "2020-01-01" }),
        ]);
      }
    },
  );
  test("DELETE ends the session, its stream and its calls", async () => {
    const made = world(silent);
    const session = await open(made);
    const stream = follow(await made.ask(to("GET", "/mcp", session)));
    const waiting = made.ask(post(call(), session));
    await settle();
    expect((await made.ask(to("DELETE", "/mcp", session))).status).toBe(204);
    await settle();
    expect(stream.over()).toBe(true);
    expect(made.got[0]?.cancelled).toBe("the session was ended");
    await waiting;
    expect((await made.ask(post(call(), session))).status).toBe(404);
    expect(made.front.status()).toEqual({ sessions: 0, streams: 0, inFlight: 0, unreadBytes: 0 });
  });
  test("a session lasts 24 hours from its start, used or not", async () => {
    const made = world(silent);
    const session = await open(made);
    const stream = follow(await made.ask(to("GET", "/mcp", session)));
    await made.clock.advance(limits.sessionLifeMs - 2_000);
    const waiting = made.ask(post(call(), session));
    await settle();
    expect(made.got).toHaveLength(1);
    await made.clock.advance(5_000);
    expect((await made.ask(post(call(2), session))).status).toBe(404);
    expect(made.got[0]?.cancelled).toBe(undefined);
    finish(made.got[0]!);
    expect((await waiting).status).toBe(200);
    await made.clock.advance(2_000);
    expect([stream.over(), made.front.status().sessions]).toEqual([true, 0]);
  }, 20_000);
  test("R6 a full key gets no further session, but an unused one makes room later", async () => {
    const made = world();
    const first = await open(made);
    for (let at = 1; at < limits.sessionsPerKey; at++) await open(made);
    const answer = await made.ask(post(hello));
    expect([answer.status, await codeOf(answer)]).toEqual([503, "GW_SESSIONS_FULL"]);
    expect((await made.ask(post(hello, { authorization: "Bearer bob" }))).status).toBe(200);
    await made.clock.advance(limits.sessionKeepMs);
    expect((await made.ask(post(hello))).status).toBe(200);
    expect(made.front.status().sessions).toBe(limits.sessionsPerKey + 1);
    await made.clock.advance(limits.sessionKeepMs);
    // It made room, and is taken up when it comes back.
    expect((await made.ask(post(call(), first))).status).toBe(200);
    expect(made.front.status().sessions).toBe(limits.sessionsPerKey + 1);
  });
  test("F11 a stream ends when its key's time is over", async () => {
    const made = world();
    const session = await open(made, { authorization: "Bearer brief" });
    const stream = follow(await made.ask(to("GET", "/mcp", session)));
    await made.clock.advance(58_000);
    expect(stream.over()).toBe(false);
    await made.clock.advance(3_000);
    expect([stream.over(), made.front.status().streams]).toEqual([true, 0]);
  });
  test("F11 a revoked key loses sessions, streams and calls at once", async () => {
    const made = world(silent);
    const session = await open(made);
    const other = await open(made, { authorization: "Bearer bob" });
    const stream = follow(await made.ask(to("GET", "/mcp", session)));
    const waiting = made.ask(post(call(), session));
    await settle();
    made.revoke("alice");
    const answer = await waiting;
    await settle();
    const said = await answer.text();
    expect([answer.status, said.includes("GW_KEY_REVOKED: ")]).toEqual([401, true]);
    expect(said).toContain("may have run");
    expect(made.got[0]?.cancelled).toBe("GW_KEY_REVOKED");
    expect(stream.over()).toBe(true);
    expect(made.front.status()).toEqual({ sessions: 1, streams: 0, inFlight: 0, unreadBytes: 0 });
    expect((await made.ask(to("DELETE", "/mcp", other))).status).toBe(204);
  });
});

describe("calls", () => {
  test("notifications are accepted and change nothing", async () => {
    const made = world();
    const session = await open(made);
    for (const method of [
      "notifications/initialized",
      "notifications/roots/list_changed",
      "notifications/x",
    ]) {
      const answer = await made.ask(post(notification(method), session));
      expect([answer.status, await answer.text()]).toEqual([202, ""]);
    }
    expect(made.got).toHaveLength(0);
  });
  test("F22 a list that waits for its hash does not take the id of a call", async () => {
    const hash = Promise.withResolvers<string>();
    const made = world(silent, { visibleHash: () => hash.promise });
    const session = await open(made);
    const lists = [1, 2].map(() => made.ask(post(rpc("tools/list", {}), session)));
    const first = made.ask(post(call(1), session));
    hash.resolve("h");
    for (const list of lists) expect(await codeOf(await list)).toBe("GW_ID_IN_FLIGHT");
    await made.ask(post(notification("notifications/cancelled", { requestId: 1 }), session));
    expect(made.got.map(({ cancelled }) => cancelled)).toEqual([
      "the client cancelled the request",
    ]);
    await first;
  });
  test('F22 an id in flight is not used twice; 1 and "1" are two ids', async () => {
    const made = world(silent);
    const session = await open(made);
    const first = made.ask(post(call(1), session));
    await settle();
    const second = await made.ask(post(call(1), session));
    expect([second.status, await codeOf(second)]).toEqual([400, "GW_ID_IN_FLIGHT"]);
    const third = made.ask(post(call("1"), session));
    const elsewhere = made.ask(post(call(1), await open(made)));
    await settle();
    for (const got of made.got) finish(got);
    expect((await bodyOf(await first)).id).toBe(1);
    expect((await bodyOf(await third)).id).toBe("1");
    expect((await elsewhere).status).toBe(200);
    const again = made.ask(post(call(1), session));
    await settle();
    finish(made.got[3]!);
    expect((await again).status).toBe(200);
  });
  test("F15 the same id in many sessions: each gets its own answer", async () => {
    const made = world(silent);
    const asked: Promise<Response>[] = [];
    for (let at = 0; at < 50; at++) asked.push(made.ask(post(call(1), await open(made))));
    await settle();
    const order = made.got.map((got, at) => ({ got, at })).sort(() => Math.random() - 0.5);
    for (const { got, at } of order) finish(got, `{"nonce":${at}}`);
    const nonces = await Promise.all(
      asked.map(async (one) => (await bodyOf(await one)).result?.["nonce"]),
    );
    expect(nonces).toEqual(nonces.map((_, at) => at));
  });
  test("notifications/cancelled stops the call of this session with this id", async () => {
    const made = world(silent);
    const session = await open(made);
    const other = await open(made);
    const waiting = made.ask(post(call(7), session));
    const untouched = made.ask(post(call(7), other));
    await settle();
    for (const requestId of [8, "7", null, {}]) {
      await made.ask(post(notification("notifications/cancelled", { requestId }), session));
    }
    expect(made.got[0]?.cancelled).toBe(undefined);
    await made.ask(post(notification("notifications/cancelled", { requestId: 7 }), session));
    expect(made.got[0]?.cancelled).toBe("the client cancelled the request");
    expect(await (await waiting).text()).toBe("");
    finish(made.got[0]!);
    expect(made.got[1]?.cancelled).toBe(undefined);
    finish(made.got[1]!);
    expect((await untouched).status).toBe(200);
  });
  test("a client that leaves does not cancel", async () => {
    const made = world(silent);
    const session = await open(made);
    const gone = new AbortController();
    const request = new Request(post(call(), session), { signal: gone.signal });
    const waiting = made.ask(request);
    await settle();
    gone.abort();
    made.got[0]?.reply.notify('{"jsonrpc":"2.0","method":"notifications/progress"}');
    await follow(await waiting).leave();
    expect(made.got[0]?.cancelled).toBe(undefined);
    finish(made.got[0]!);
    expect(made.front.status().inFlight).toBe(0);
  });
});

test("the echo of the kit answers", async () => {
  const made = world(echo);
  const answer = await made.ask(post(call("ü"), await open(made)));
  expect(await answer.text()).toBe('{"jsonrpc":"2.0","id":"ü","result":{"name":"a__b"}}');
});
