import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { legacyRevisions } from "../../src/protocol/versions.ts";
import { settle } from "../kit/scripted.ts";
import {
  bodyOf,
  codeOf,
  echo,
  eventsOf,
  follow,
  type Got,
  type Headers_,
  messagesOf,
  rpc,
  to,
  type World,
  world,
} from "./kit.ts";

const silent = () => {};
const sse = { accept: "text/event-stream" };
const hello = rpc("initialize", {
  ...{ protocolVersion: "2024-11-05", capabilities: { roots: {} } },
  clientInfo: { name: "old", version: "1" },
});
const call = (id: string | number = 1) => rpc("tools/call", { name: "a__b" }, id);
const finish = (got: Got, result = "{}") =>
  got.reply.send(200, [`{"jsonrpc":"2.0","id":${got.incoming.message.idText},"result":${result}}`]);

interface Old {
  readonly made: World;
  readonly stream: ReturnType<typeof follow>;
  send(body: unknown, headers?: Headers_): Promise<Response>;
}

async function connect(made = world(), headers: Headers_ = {}): Promise<Old> {
  const stream = follow(await made.ask(to("GET", "/sse", { ...sse, ...headers })));
  await settle();
  const [endpoint] = eventsOf(stream.text());
  const send = (body: unknown, more: Headers_ = {}) =>
    made.ask(to("POST", endpoint!.data, { ...headers, ...more }, JSON.stringify(body)));
  return { made, stream, send };
}

async function opened(made = world(), headers: Headers_ = {}): Promise<Old> {
  const old = await connect(made, headers);
  await old.send(hello);
  await settle();
  return old;
}

describe("HTTP+SSE", () => {
  test("names its endpoint first; every answer comes on the stream", async () => {
    const { made, stream, send } = await connect();
    const [first] = eventsOf(stream.text());
    expect([first?.event, first?.id]).toEqual(["endpoint", undefined]);
    expect(first?.data).toMatch(/^\/messages\?sessionId=[A-Za-z0-9_-]{43}$/);
    for (const body of [hello, { jsonrpc: "2.0", method: "notifications/initialized" }, call(2)]) {
      const answer = await send(body);
      expect([answer.status, await answer.text()]).toEqual([202, ""]);
      await settle();
    }
    const [, ...events] = eventsOf(stream.text());
    expect(events.every(({ event, id }) => event === "message" && id === undefined)).toBe(true);
    const [initialized, answered] = messagesOf(
      events.map(({ data }) => `data: ${data}`).join("\n\n"),
    );
    expect(initialized?.result?.["protocolVersion"]).toBe("2024-11-05");
    expect(answered).toEqual({ jsonrpc: "2.0", id: 2, result: { name: "a__b" } });
    const { incoming } = made.got[0]!;
    expect([incoming.era, incoming.protocol, incoming.client.name]).toEqual([
      "legacy",
      "2024-11-05",
      "old",
    ]);
  });
  test("progress, questions and list changes come on it too", async () => {
    const { made, stream, send } = await opened(world(silent));
    await send(call(5));
    const got = made.got[0]!;
    got.reply.notify('{"jsonrpc":"2.0","method":"notifications/progress"}');
    const asked = got.reply.ask("roots/list", ["{}"])!;
    await settle();
    const messages = () => messagesOf(stream.text().slice(stream.text().indexOf("event: message")));
    const question = messages().find((message) => message["method"] === "roots/list");
    expect((await send({ jsonrpc: "2.0", id: question?.id, result: { roots: [] } })).status).toBe(
      202,
    );
    expect(await asked.answer).toMatchObject({ ok: true });
    finish(got);
    await send(rpc("logging/setLevel", { level: "error" }, 6));
    await send(rpc("tools/list", {}, 7));
    await settle();
    finish(made.got[1]!);
    made.lists.set("alice", "second");
    await made.changed();
    const all = messages();
    expect(all.map(({ id }) => id).filter((id) => typeof id === "number")).toEqual([1, 5, 6, 7]);
    expect(made.got[1]?.incoming.logLevel).toBe("error");
    expect(all.at(-1)?.["method"]).toBe("notifications/tools/list_changed");
  });
  test("the session ends with its stream, and its calls with it", async () => {
    const { made, stream, send } = await opened(world(silent));
    await send(call());
    await stream.leave();
    await settle();
    expect(made.got[0]?.cancelled).toBe("the session was ended");
    const answer = await send(call(2));
    expect([answer.status, await codeOf(answer)]).toEqual([404, "GW_SESSION_UNKNOWN"]);
    expect(made.front.status()).toMatchObject({ sessions: 0, streams: 0, inFlight: 0 });
  });
  test("F14 another key's stream does not exist", async () => {
    const { made, stream, send } = await opened();
    const before = stream.text();
    const answer = await send(call(), { authorization: "Bearer bob" });
    expect([answer.status, await codeOf(answer)]).toEqual([404, "GW_SESSION_UNKNOWN"]);
    expect([made.got.length, stream.text()]).toEqual([0, before]);
  });
  test("F11 a revoked key ends it", async () => {
    const { made, stream, send } = await opened(world(silent));
    await send(call());
    made.revoke("alice");
    await settle();
    expect([stream.over(), made.got[0]?.cancelled]).toEqual([true, "GW_KEY_REVOKED"]);
    expect((await send(call(2))).status).toBe(401);
    expect(made.front.status()).toMatchObject({ sessions: 0, streams: 0, inFlight: 0 });
  });
  test.each<[string, unknown, Headers_, number, string]>([
    ["a call before initialize", call(), {}, 400, "GW_SESSION_MISSING"],
    ["a batch", [call()], {}, 400, "GW_MESSAGE"],
    ["no JSON type", hello, { "content-type": "text/plain" }, 415, "GW_CONTENT_TYPE"],
    ["a modern version", hello, { "mcp-protocol-version": "1999-01-01" }, 202, ""],
    ["an answer to nothing", { jsonrpc: "2.0", id: 1, result: {} }, {}, 400, "GW_SESSION_MISSING"],
    ["a foreign host", hello, { host: "evil.test" }, 403, "GW_HOST"],
    ["a foreign origin", hello, { origin: "http://evil.test" }, 403, "GW_ORIGIN"],
  ])("%s", async (_, body, headers, status, code) => {
    const { made, send } = await connect();
    const answer = await send(body, headers);
    expect(answer.status).toBe(status);
    if (code !== "") expect(await codeOf(answer)).toBe(code);
    expect(made.got).toHaveLength(0);
  });
  test("one stream is initialized once, also when both come together", async () => {
    const { made, send } = await connect();
    const [first, second] = await Promise.all([send(hello), send(hello)]);
    await settle();
    expect([first.status, second.status]).toEqual([202, 400]);
    expect((await send(hello)).status).toBe(400);
    expect(made.front.status().sessions).toBe(1);
  });
  test("a stream needs a client that reads one; other methods are not there", async () => {
    const made = world();
    const json = await made.ask(to("GET", "/sse", { accept: "application/json" }));
    expect(json.status).toBe(406);
    for (const [method, path, allow] of [
      ["POST", "/sse", "GET"],
      ["GET", "/messages?sessionId=x", "POST"],
    ] as const) {
      const answer = await made.ask(to(method, path));
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, allow]);
    }
    for (const query of ["", "?x=1", "?sessionId"]) {
      const answer = await made.ask(to("POST", `/messages${query}`, {}, JSON.stringify(hello)));
      expect([400, 404]).toContain(answer.status);
    }
    const pinned = world(echo, { protocol: "modern" });
    expect((await pinned.ask(to("GET", "/sse", sse))).status).toBe(404);
  });
  test("a version header that is not spoken names those that are, here legacy ones", async () => {
    const { send } = await opened();
    const answer = await send(call(), { "mcp-protocol-version": "2020-01-01" });
    const { error } = await bodyOf(answer);
    expect(answer.status).toBe(400);
    expect(error?.data).toMatchObject({ code: "GW_VERSION", supported: legacyRevisions });
  });
  test("R6 a key has few of them", async () => {
    const made = world();
    for (let at = 0; at < limits.oldStreamsPerKey; at++) await connect(made);
    const answer = await made.ask(to("GET", "/sse", sse));
    expect([answer.status, await codeOf(answer)]).toEqual([503, "GW_SESSIONS_FULL"]);
    expect((await connect(made, { authorization: "Bearer bob" })).stream.over()).toBe(false);
  });
  test("R7 an answer that does not fit is dropped, and that is said", async () => {
    const { made, stream, send } = await opened(world(silent));
    await send(call(3));
    finish(made.got[0]!, JSON.stringify("x".repeat(limits.oldAnswerBytes)));
    await settle();
    expect(stream.text()).toContain("GW_CLIENT_SLOW");
    expect(stream.text().length).toBeLessThan(10_000);
  });
  test("nothing of it is kept in the store, and its id is no Mcp-Session-Id", async () => {
    const written: unknown[] = [];
    const states = { read: async () => undefined, onChange: () => () => {} };
    const made = world(echo, {
      sessionStates: { ...states, write: (change) => void written.push(change) },
    });
    const { stream, send } = await opened(made);
    await send(rpc("logging/setLevel", { level: "error" }, 6));
    await settle();
    const id = eventsOf(stream.text())[0]!.data.split("=")[1]!;
    const body = JSON.stringify(call());
    expect((await made.ask(to("POST", "/mcp", { "mcp-session-id": id }, body))).status).toBe(404);
    expect(written).toEqual([]);
  });
});
