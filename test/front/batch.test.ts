import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "../../src/base/limits.ts";
import { settle } from "../kit/scripted.ts";
import {
  type Body,
  codeOf,
  echo,
  envelope,
  follow,
  type Got,
  type Headers_,
  messagesOf,
  open,
  post,
  rpc,
  type World,
  world,
} from "./kit.ts";

const silent = () => {};
const call = (id: string | number, name = "a__b") => rpc("tools/call", { name }, id);
const notification = (method: string, params = {}) => ({ jsonrpc: "2.0", method, params });
const finish = (got: Got, result = "{}") =>
  got.reply.send(200, [`{"jsonrpc":"2.0","id":${got.incoming.message.idText},"result":${result}}`]);

async function session(made: World, protocolVersion = "2025-03-26"): Promise<Headers_> {
  const params = { protocolVersion, capabilities: { elicitation: {} }, clientInfo: {} };
  const { headers } = await made.ask(post(rpc("initialize", params)));
  return { "mcp-session-id": headers.get("mcp-session-id") ?? "" };
}

async function answers(made: World, batch: unknown, headers: Headers_): Promise<Body[]> {
  return (await (await made.ask(post(batch, headers))).json()) as Body[];
}

describe("a batch in a session of 2025-03-26", () => {
  test("each of its requests is a call of its own, and all answers come together", async () => {
    const made = world();
    const headers = await session(made);
    const batch = [call(1), notification("notifications/x"), call("ü", "c__d"), rpc("ping")];
    batch[3] = rpc("logging/setLevel", { level: "info" }, 9);
    const got = await answers(made, batch, headers);
    expect(got).toHaveLength(3);
    expect(got.find(({ id }) => id === "ü")?.result).toEqual({ name: "c__d" });
    expect(got.find(({ id }) => id === 9)?.result).toEqual({});
    expect(made.got.map(({ incoming }) => incoming.message.params["name"])).toEqual([
      "a__b",
      "c__d",
    ]);
    expect(made.got[0]?.incoming.message.body.bytes).not.toBe(
      made.got[1]?.incoming.message.body.bytes,
    );
    expect(made.front.status().inFlight).toBe(0);
  });
  test("a wrong element is answered with an error, the others are not harmed", async () => {
    const made = world();
    const headers = await session(made);
    const text = [
      ...[JSON.stringify(call(1)), "1", "[]", "null", '{"jsonrpc":"2.0","id":5}'],
      ...['{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"a":1,"a":2}}'],
      JSON.stringify({ ...call(7), params: { name: "a", _meta: envelope } }),
      '{"jsonrpc":"2.0","id":8,"method":"tools/call","__proto__":{}}',
      JSON.stringify(notification("notifications/tools/list_changed")),
    ].join(",");
    const got = await answers(made, `[${text}]`, headers);
    expect(got).toHaveLength(9);
    expect(got.filter(({ error }) => error === undefined).map(({ id }) => id)).toEqual([1]);
    expect(made.got).toHaveLength(1);
  });
  test("without a request it is 202; answers and cancellations in it count", async () => {
    const made = world(silent);
    const headers = await session(made);
    const waiting = made.ask(post(call(1), headers));
    await settle();
    const asked = made.got[0]!.reply.ask("elicitation/create", ["{}"])!;
    const stream = follow(await waiting);
    await settle();
    const { id } = messagesOf(stream.text())[0]!;
    const answer = await made.ask(
      post(
        [
          { jsonrpc: "2.0", id, result: { action: "accept" } },
          { jsonrpc: "2.0", id: "guess", result: {} },
          notification("notifications/cancelled", { requestId: 1 }),
        ],
        headers,
      ),
    );
    expect([answer.status, await answer.text()]).toEqual([202, ""]);
    expect(await asked.answer).toMatchObject({ value: { action: "accept" } });
    expect(made.got[0]?.cancelled).toBe("the client cancelled the request");
  });
  test("is a stream once something comes before an answer; questions are asked on it", async () => {
    const made = world(silent);
    const headers = await session(made);
    const waiting = made.ask(post([call(1), call(2)], headers));
    await settle();
    finish(made.got[1]!);
    made.got[0]!.reply.notify('{"jsonrpc":"2.0","method":"notifications/progress"}');
    const asked = made.got[0]!.reply.ask("roots/list", ["{}"])!;
    const stream = follow(await waiting);
    await settle();
    const [second, progress, question] = messagesOf(stream.text());
    expect([second?.id, progress?.["method"], question?.["method"]]).toEqual([
      2,
      "notifications/progress",
      "roots/list",
    ]);
    await made.ask(post({ jsonrpc: "2.0", id: question?.id, result: { roots: [] } }, headers));
    expect(await asked.answer).toMatchObject({ ok: true });
    finish(made.got[0]!);
    await settle();
    expect([stream.over(), messagesOf(stream.text()).at(-1)?.id]).toEqual([true, 1]);
    expect([made.peer.kept, made.peer.limited]).toEqual([1, 1]);
  });
  test("who takes JSON only gets JSON, and is asked nothing", async () => {
    const made = world(silent);
    const headers = { ...(await session(made)), accept: "application/json" };
    const waiting = made.ask(post([call(1), call(2)], headers));
    await settle();
    expect(made.got[0]!.reply.ask("roots/list", ["{}"])).toBe(undefined);
    made.got[0]!.reply.notify("{}");
    for (const got of made.got) finish(got);
    expect((await (await waiting).json()) as Body[]).toHaveLength(2);
  });
  test("who takes streams only gets one", async () => {
    const made = world();
    const headers = { ...(await session(made)), accept: "text/event-stream" };
    const answer = await made.ask(post([call(1), call(2)], headers));
    expect(messagesOf(await answer.text()).map(({ id }) => id)).toEqual([1, 2]);
  });
  test("cancelled ones are left out of the answer", async () => {
    const made = world(silent);
    const headers = await session(made);
    const waiting = made.ask(post([call(1), call(2)], headers));
    await settle();
    await made.ask(post(notification("notifications/cancelled", { requestId: 1 }), headers));
    finish(made.got[1]!);
    expect(((await (await waiting).json()) as Body[]).map(({ id }) => id)).toEqual([2]);
  });
  test("F11 its key's end ends all of it", async () => {
    const made = world(silent);
    const waiting = made.ask(post([call(1), call(2)], await session(made)));
    await settle();
    made.revoke("alice");
    const got = (await (await waiting).json()) as Body[];
    expect(got.map(({ error }) => error?.data?.code)).toEqual(["GW_KEY_REVOKED", "GW_KEY_REVOKED"]);
  });
  test("R7 answers that are too much together are dropped, and that is said", async () => {
    const made = world(silent);
    const waiting = made.ask(post([call(1), call(2), call(3)], await session(made)));
    await settle();
    const large = JSON.stringify("x".repeat(limits.resultBytes / 2));
    for (const got of made.got) finish(got, large);
    const got = (await (await waiting).json()) as Body[];
    expect(got.map(({ error }) => error?.data?.code)).toEqual([
      undefined,
      "GW_CLIENT_SLOW",
      "GW_CLIENT_SLOW",
    ]);
  });
});

describe("F19 what is no batch: -32600, and nothing is evaluated", () => {
  const many = Array.from({ length: limits.batchMessages + 1 }, (_, id) => call(id));
  const hello = rpc("initialize", { protocolVersion: "2025-03-26", capabilities: {} }, 5);
  test.each<[string, unknown]>([
    ["empty", []],
    ["over 20", many],
    ["the same id twice", [call(1), call("1"), call(1)]],
    ["initialize in it", [call(1), hello]],
  ])("%s", async (_, batch) => {
    const made = world();
    const answer = await made.ask(post(batch, await session(made)));
    expect([answer.status, await codeOf(answer)]).toEqual([400, "GW_MESSAGE"]);
    expect(made.got).toHaveLength(0);
  });
  test.each(["2025-11-25", "2025-06-18", "2024-11-05"])("in a session of %s", async (version) => {
    const made = world();
    const answer = await made.ask(post([call(1)], await session(made, version)));
    expect([answer.status, await codeOf(answer)]).toEqual([400, "GW_MESSAGE"]);
  });
  test("without a session, with another's, with another version", async () => {
    const made = world();
    const headers = await session(made);
    const cases: [Headers_, number][] = [
      [{}, 400],
      [{ ...headers, authorization: "Bearer bob" }, 404],
      [{ ...headers, "mcp-protocol-version": "2025-06-18" }, 400],
      [{ ...headers, "mcp-protocol-version": "2026-07-28" }, 400],
      [{ ...headers, "mcp-protocol-version": "2025-03-26" }, 200],
    ];
    for (const [more, status] of cases) {
      expect((await made.ask(post([call(1)], more))).status).toBe(status);
    }
    expect(made.got).toHaveLength(1);
  });
  test("a batch of anything is answered whole or not at all", async () => {
    const made = world(echo, {}, "forgetful");
    const headers = await open(made, {}).then(() => session(made));
    const element = fc.oneof(
      fc.record({ jsonrpc: fc.constant("2.0"), id: fc.nat(3), method: fc.constant("tools/call") }),
      fc.record({ jsonrpc: fc.constant("2.0"), method: fc.constant("notifications/x") }),
      fc.record({ jsonrpc: fc.constant("2.0"), id: fc.string(), result: fc.constant({}) }),
      fc.jsonValue({ maxDepth: 1 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(element, { maxLength: 22 }), async (batch) => {
        const answer = await made.ask(post(batch, headers));
        const got = answer.status === 202 ? [] : ((await answer.json()) as Body | Body[]);
        if (!Array.isArray(got))
          return expect([answer.status, got.error?.code]).toEqual([400, -32600]);
        const ids = got.flatMap(({ id }) => (id === undefined ? [] : [id]));
        expect(new Set(ids).size).toBe(ids.length);
      }),
      { numRuns: 200 },
    );
  });
});
