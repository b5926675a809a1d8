import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { listMethods } from "../../src/protocol/lists.ts";
import { settle } from "../kit/scripted.ts";
import {
  bodyOf,
  codeOf,
  follow,
  type Got,
  hello,
  messagesOf,
  open,
  post,
  rpc,
  to,
  world,
} from "./kit.ts";

const call = (id: string | number = 1) => rpc("tools/call", { name: "a__b" }, id);

/** Never answers by itself. */
const silent = () => {};
const finish = (got: Got) =>
  got.reply.send(200, [`{"jsonrpc":"2.0","id":${got.incoming.message.idText},"result":{}}`]);

describe("the GET stream", () => {
  const changed = '"method":"notifications/tools/list_changed"';

  test("needs a session, an event-stream client and a legacy version", async () => {
    const made = world();
    const session = await open(made);
    const cases: [Record<string, string | undefined>, number][] = [
      [{}, 405],
      [{ ...session, "mcp-protocol-version": "2026-07-28" }, 405],
      [{ ...session, accept: "application/json" }, 406],
      [{ ...session, "mcp-protocol-version": "2001-01-01" }, 400],
      [{ "mcp-session-id": "x" }, 404],
      [session, 200],
    ];
    for (const [headers, status] of cases) {
      expect((await made.ask(to("GET", "/mcp", headers))).status).toBe(status);
    }
    expect((await made.ask(to("DELETE", "/mcp"))).status).toBe(405);
  });
  test("without a session it says so; with a version that is not spoken, which are", async () => {
    const made = world();
    const session = await open(made);
    for (const method of ["GET", "DELETE"]) {
      const none = await made.ask(to(method, "/mcp"));
      expect([none.status, none.headers.get("allow")]).toEqual([405, "POST"]);
      const { error } = await bodyOf(none);
      expect(error?.message).toBe(
        "GW_METHOD_NOT_ALLOWED: The request carries no Mcp-Session-Id, " +
          "and without a session the path takes only POST",
      );
      expect(error?.data).toMatchObject({ fix: expect.stringContaining("Mcp-Session-Id") });
      const modern = await made.ask(to(method, "/mcp", { "mcp-protocol-version": "2026-07-28" }));
      expect((await bodyOf(modern)).error?.message).not.toContain("Mcp-Session-Id");
      const old = { ...session, "mcp-protocol-version": "2001-01-01" };
      expect((await bodyOf(await made.ask(to(method, "/mcp", old)))).error?.data).toMatchObject({
        ...{ code: "GW_VERSION", requested: "2001-01-01" },
        supported: ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"],
      });
    }
  });
  test("says so when this key's list changed, and only then", async () => {
    const made = world();
    const session = await open(made);
    const others = await open(made, { authorization: "Bearer bob" });
    const mine = follow(await made.ask(to("GET", "/mcp", session)));
    const theirs = follow(await made.ask(to("GET", "/mcp", others)));
    await settle();
    await made.changed();
    expect(mine.text()).not.toContain(changed);
    made.lists.set("alice", "second");
    await made.changed();
    await made.changed();
    expect(mine.text().split(changed)).toHaveLength(2);
    expect(theirs.text()).not.toContain(changed);
    expect(made.peer.kept).toBe(2);
  });
  test("says which list changed; resources and templates share one word", async () => {
    const made = world();
    const session = await open(made);
    const stream = follow(await made.ask(to("GET", "/mcp", session)));
    await settle();
    for (const list of listMethods) made.lists.set(`alice ${list}`, "second");
    await made.changed();
    expect(messagesOf(stream.text()).map((message) => message["method"])).toEqual([
      "notifications/prompts/list_changed",
      "notifications/resources/list_changed",
    ]);
  });
  test("a change while no stream was open is told when one opens", async () => {
    const made = world();
    const session = await open(made);
    await made.ask(post(rpc("tools/list"), session));
    made.lists.set("alice", "second");
    await made.changed();
    const stream = follow(await made.ask(to("GET", "/mcp", session)));
    await settle();
    expect(stream.text()).toContain(changed);
  });
  test("each session is told once, on its newest stream", async () => {
    const made = world();
    const session = await open(made);
    const second = await open(made);
    const streams = [];
    for (const headers of [session, session, second]) {
      streams.push(follow(await made.ask(to("GET", "/mcp", headers))));
    }
    await settle();
    made.lists.set("alice", "second");
    await made.changed();
    expect(streams.map((stream) => stream.text().includes(changed))).toEqual([false, true, true]);
  });
  test("R6 a session has few streams, a key not more than its share", async () => {
    const made = world();
    const session = await open(made);
    const first = follow(await made.ask(to("GET", "/mcp", session)));
    for (let at = 0; at < limits.streamsPerSession; at++)
      await made.ask(to("GET", "/mcp", session));
    await settle();
    expect(first.over()).toBe(true);
    expect(made.front.status().streams).toBe(limits.streamsPerSession);
    for (let at = limits.streamsPerSession; at < limits.streamsPerKey; at++) {
      await made.ask(to("GET", "/mcp", await open(made)));
    }
    const answer = await made.ask(to("GET", "/mcp", await open(made)));
    expect([answer.status, await codeOf(answer)]).toEqual([503, "GW_SESSIONS_FULL"]);
  });
  test("heartbeats flow, and a client that left is forgotten", async () => {
    const made = world();
    const stream = follow(await made.ask(to("GET", "/mcp", await open(made))));
    await made.clock.advance(limits.heartbeatMs * 3 + limits.frontTickMs * 3);
    expect(stream.text().split(":").length).toBeGreaterThanOrEqual(4);
    await stream.leave();
    expect(made.front.status().streams).toBe(0);
  });
  test("R7 a stream that nobody reads is dropped", async () => {
    const made = world();
    await made.ask(to("GET", "/mcp", await open(made)));
    await settle();
    for (let at = 0; made.front.status().streams === 1; at++) {
      made.lists.set("alice", `list ${at}`);
      await made.changed();
      expect(at).toBeLessThan(limits.streamBacklogBytes);
      if (at === 30_000) break;
    }
    expect(made.front.status().streams).toBe(0);
  }, 30_000);
  test("drain ends streams and refuses calls, but lets those in flight end", async () => {
    const made = world(silent);
    const session = await open(made);
    const stream = follow(await made.ask(to("GET", "/mcp", session)));
    const waiting = made.ask(post(call(), session));
    await settle();
    made.front.drain();
    await settle();
    expect(stream.over()).toBe(true);
    expect(await codeOf(await made.ask(post(call(2), session)))).toBe("GW_DRAINING");
    expect(await codeOf(await made.ask(post(hello)))).toBe("GW_DRAINING");
    finish(made.got[0]!);
    expect((await waiting).status).toBe(200);
  });
  test("close ends everything", async () => {
    const made = world(silent);
    const waiting = made.ask(post(call(), await open(made)));
    await settle();
    made.front.close();
    expect(await codeOf(await waiting)).toBe("GW_DRAINING");
    expect(made.got[0]?.cancelled).toBe("GW_DRAINING");
    expect(made.front.status()).toEqual({ sessions: 0, streams: 0, inFlight: 0, unreadBytes: 0 });
  });
});
