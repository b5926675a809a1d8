import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import type { Asked, ClientAnswer } from "../../src/call/incoming.ts";
import { settle } from "../kit/scripted.ts";
import {
  type Body,
  codeOf,
  follow,
  type Got,
  type Headers_,
  messagesOf,
  modern,
  open,
  post,
  rpc,
  to,
  type World,
  world,
} from "./kit.ts";

const silent = () => {};
const call = (id: string | number = 1) => rpc("tools/call", { name: "a__b" }, id);
const reply = (id: unknown, result: object = { action: "accept" }) => ({
  jsonrpc: "2.0",
  id,
  result,
});
const finish = (got: Got) =>
  got.reply.send(200, [`{"jsonrpc":"2.0","id":${got.incoming.message.idText},"result":{}}`]);
const elicit = (got: Got): Asked | undefined =>
  got.reply.ask("elicitation/create", ['{"message":', new TextEncoder().encode('"é?"'), "}"]);

interface Asking {
  readonly made: World;
  readonly session: Headers_;
  readonly got: Got;
  readonly asked: Asked;
  readonly stream: ReturnType<typeof follow>;
  /** The question as its client got it. */
  readonly question: Body;
}

async function asking(headers: Headers_ = {}): Promise<Asking> {
  const made = world(silent);
  const session = await open(made, headers);
  const waiting = made.ask(post(call(), session));
  await settle();
  const got = made.got[0]!;
  const asked = elicit(got)!;
  const stream = follow(await waiting);
  await settle();
  return { made, session, got, asked, stream, question: messagesOf(stream.text())[0]! };
}

/** What became of the question by now. */
async function outcome(asked: Asked): Promise<ClientAnswer | string> {
  const open = new Promise<string>((resolve) => setImmediate(() => resolve("open")));
  return Promise.race([asked.answer.catch((thrown) => thrown.code as string), open]);
}

describe("a question to a legacy client", () => {
  test("goes out on the stream of its call, and the posted answer finds it", async () => {
    const { made, session, got, asked, stream, question } = await asking();
    expect(question).toMatchObject({ method: "elicitation/create", params: { message: "é?" } });
    const answer = await made.ask(post(reply(question.id, { action: "accept" }), session));
    expect([answer.status, await answer.text()]).toEqual([202, ""]);
    const given = (await asked.answer) as Extract<ClientAnswer, { ok: true }>;
    expect(given.value).toEqual({ action: "accept" });
    expect(new TextDecoder().decode(given.bytes)).toBe('{"action":"accept"}');
    finish(got);
    await settle();
    expect([stream.over(), messagesOf(stream.text())[1]?.id]).toEqual([true, 1]);
  });
  test("an error is an answer too", async () => {
    const { made, session, asked, question } = await asking();
    const error = { code: -32601, message: "no", data: [1] };
    await made.ask(post({ jsonrpc: "2.0", id: question.id, error }, session));
    expect(await asked.answer).toEqual({ ok: false, ...error });
  });
  test("F20 an answer to nothing, of another session or key, reaches nobody", async () => {
    const { made, session, asked, question } = await asking();
    const second = await open(made);
    const bobs = await open(made, { authorization: "Bearer bob" });
    const cases: [object, Headers_, number][] = [
      [reply("guess"), session, 400],
      [reply(1), session, 400],
      [reply(question.id), second, 400],
      [reply(question.id), bobs, 400],
      [reply(question.id), { ...session, authorization: "Bearer bob" }, 404],
      [reply(question.id), {}, 400],
      [reply(question.id), { ...session, "mcp-protocol-version": "2026-07-28" }, 400],
    ];
    for (const [body, headers, status] of cases) {
      expect((await made.ask(post(body, headers))).status).toBe(status);
    }
    expect(await outcome(asked)).toBe("open");
  });
  test("F20 a second answer is taken and reaches nobody", async () => {
    const { made, session, asked, question } = await asking();
    await made.ask(post(reply(question.id, { action: "decline" }), session));
    expect((await made.ask(post(reply(question.id), session))).status).toBe(202);
    expect(await asked.answer).toMatchObject({ value: { action: "decline" } });
  });
  test("taken back: the client is told, a late answer is accepted and lost", async () => {
    const { made, session, asked, stream, question } = await asking();
    asked.cancel("the server changed its mind");
    asked.cancel("again");
    await settle();
    expect(messagesOf(stream.text()).slice(1)).toEqual([
      {
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { requestId: question.id, reason: "the server changed its mind" },
      },
    ]);
    expect(await outcome(asked)).toBe("GW_CANCELLED");
    expect((await made.ask(post(reply(question.id), session))).status).toBe(202);
  });
  test.each<[string, (of: Asking) => unknown]>([
    ["the call ends", ({ got }) => finish(got)],
    ["the session ends", ({ made, session }) => made.ask(to("DELETE", "/mcp", session))],
    ["its key ends (F11)", ({ made }) => made.revoke("alice")],
    ["the gateway ends", ({ made }) => made.front.close()],
    [
      "the client cancels the call",
      ({ made, session }) =>
        made.ask(
          post(
            { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } },
            session,
          ),
        ),
    ],
  ])("ends when %s", async (_, end) => {
    const of = await asking();
    await end(of);
    expect(await outcome(of.asked)).toBe("GW_CANCELLED");
  });
  test("waits for a client that lost its stream, but not for ever", async () => {
    const { made, got, asked, stream } = await asking();
    await stream.leave();
    await made.clock.advance(limits.eventKeepMs - 2_000);
    expect(await outcome(asked)).toBe("open");
    await made.clock.advance(4_000);
    expect(await outcome(asked)).toBe("GW_CLIENT_GONE");
    expect(got.cancelled).toBe(undefined);
  });
  test("R6 a session has few open ones", async () => {
    const { got } = await asking();
    for (let at = 1; at < limits.questionsPerSession; at++) {
      expect(await outcome(elicit(got)!)).toBe("open");
    }
    expect(await outcome(elicit(got)!)).toBe("GW_QUESTIONS_FULL");
  });
  test("is not asked where nobody could: JSON only, modern, a call that is over", async () => {
    const made = world(silent);
    const session = await open(made);
    const json = made.ask(post(call(), { ...session, accept: "application/json" }));
    const stateless = made.ask(modern("tools/call", { name: "a__b" }));
    const over = made.ask(post(call(2), session));
    await settle();
    finish(made.got[2]!);
    for (const got of made.got) expect(elicit(got)).toBe(undefined);
    for (const got of made.got) finish(got);
    for (const answer of [await json, await stateless, await over]) expect(answer.status).toBe(200);
  });
});

describe("logging/setLevel", () => {
  test("holds for later requests of the session, and for no other", async () => {
    const made = world();
    const session = await open(made);
    const other = await open(made);
    await made.ask(post(call(), session));
    const answer = await made.ask(post(rpc("logging/setLevel", { level: "warning" }, 7), session));
    expect(await answer.text()).toBe('{"jsonrpc":"2.0","id":7,"result":{}}');
    await made.ask(post(call(), session));
    await made.ask(post(call(), other));
    expect(made.got.map(({ incoming }) => incoming.logLevel)).toEqual([
      undefined,
      "warning",
      undefined,
    ]);
  });
  test.each([undefined, "WARNING", "verbose", 4, null])("%p is no level", async (level) => {
    const made = world();
    const answer = await made.ask(post(rpc("logging/setLevel", { level }), await open(made)));
    expect([answer.status, await codeOf(answer)]).toEqual([200, "GW_PARAMS"]);
  });
});

test("R6 a session watches a bounded number of resources, shared by its requests", async () => {
  const made = world();
  const session = await open(made);
  await made.ask(post(call(1), session));
  await made.ask(post(call(2), session));
  const [first, second] = made.got.map(({ incoming }) => incoming.watched!);
  for (let at = 0; at < limits.watchedPerSession; at++) expect(first!.add(`a:${at}`)).toBe(true);
  expect([second!.has("a:1"), second!.add("a:1"), second!.add("a:more")]).toEqual([
    true,
    true,
    false,
  ]);
  second!.delete("a:1");
  expect([first!.has("a:1"), first!.add("a:more")]).toEqual([false, true]);
});
