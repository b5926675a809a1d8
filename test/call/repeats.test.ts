/** U27: a call that may have run is refused once when it comes again. */

import { describe, expect, test } from "bun:test";
import { fault } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { endCall } from "../../src/call/board.ts";
import { handle } from "../../src/call/methods.ts";
import { createRepeats } from "../../src/call/repeats.ts";
import { type SentRequest, scriptedUpstream, setClock, settle, world } from "../kit/scripted.ts";
import { catchReply, incoming } from "../kit/scripted-client.ts";

const echo = {
  name: "echo",
  inputSchema: { type: "object", properties: { text: { type: "string" } } },
} as const;
const policy = 'id: t\nrules: [{ id: r, effect: allow, tools: ["s/echo"], other_args: any }]\n';
const lost = (request: SentRequest) =>
  request.fail(fault("GW_UPSTREAM_LOST", { message: "it went away" }), true);

const echoOf = (args: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"s__echo","arguments":${args}}}`;

async function worldOf(script: (request: SentRequest) => void, idempotent: string[] = []) {
  const server = scriptedUpstream("s", [echo], { script });
  const at = await world([server], { policy, idempotent });
  const call = async (text = "hi", keyId?: string) => {
    const reply = catchReply();
    const params = { name: "s__echo", arguments: { text } };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params });
    const request = incoming(body, { era: "legacy" });
    const identity = keyId === undefined ? request.identity : { ...request.identity, keyId };
    handle({ ...request, identity }, reply, at.ports);
    await settle();
    return JSON.stringify(reply.answer()?.value["result"]);
  };
  return { server, at, call };
}

test("U27 the same call is refused once, with the receipt, then made", async () => {
  const { server, at, call } = await worldOf(lost);
  expect(await call()).toContain("The call may have run.");
  const first = /Receipt: ([^.]+)\./.exec(await call("other"))?.[1];
  expect(first).toBeDefined();
  const again = await call("other");
  expect(again).toContain("GW_MAY_HAVE_RUN");
  // Its outcome may as well be timeout, cancelled or limited: "unknown" would be wrong of those.
  expect(again).toContain(`its receipt, ${first}, cannot say whether it did`);
  expect(again).not.toContain("unknown");
  expect(server.sent.length).toBe(2);
  expect(at.records.at(-1)).toMatchObject({
    kind: "refusal",
    fields: { code: "GW_MAY_HAVE_RUN", outcome: "denied", effect: "allow" },
  });
  expect(await call("other")).toContain("GW_UPSTREAM_LOST");
  expect(server.sent.length).toBe(3);
  // That one is unknown again.
  expect(await call("other")).toContain("GW_MAY_HAVE_RUN");
});

test("other arguments, other keys and idempotent tools are made", async () => {
  const { server, call } = await worldOf(lost);
  for (const [text, key] of [["a"], ["b"], ["a", "k_other"]] as const) {
    expect(await call(text, key)).toContain("GW_UPSTREAM_LOST");
  }
  expect(server.sent.length).toBe(3);
  const tolerant = await worldOf(lost, ["echo"]);
  for (let count = 0; count < 3; count += 1) {
    expect(await tolerant.call()).toContain("GW_UPSTREAM_LOST");
  }
});

test("texts that no rule may read make two calls two as well", async () => {
  const { server, call } = await worldOf(lost);
  const long = "x".repeat(limits.subjectBytes + 1);
  for (const last of "ab") expect(await call(`${long}${last}`)).toContain("GW_UPSTREAM_LOST");
  expect(server.sent.length).toBe(2);
  for (const last of "ab") expect(await call(`${long}${last}`)).toContain("GW_MAY_HAVE_RUN");
});

test("what never left, what the server answered and what is older than 10 minutes is made", async () => {
  const script = { now: lost };
  const { at, call } = await worldOf((request) => script.now(request));
  script.now = (request) => request.fail(fault("GW_UPSTREAM_DOWN", { message: "gone" }), false);
  expect(await call()).toContain("GW_UPSTREAM_DOWN");
  expect(await call()).toContain("GW_UPSTREAM_DOWN");
  script.now = (request) => request.error('{"code":-32000,"message":"no"}');
  await call();
  script.now = lost;
  expect(await call()).toContain("GW_UPSTREAM_LOST");
  await at.clock.advance(limits.repeatMs);
  expect(await call()).toContain("GW_UPSTREAM_LOST");
});

test("U27 whatever the agent is told may have run is refused once; what it took back is not", async () => {
  const { server, at, call } = await worldOf(() => undefined);
  const ends: [string, () => unknown][] = [
    ["GW_TIMEOUT_IDLE", () => at.clock.advance(1_100)],
    [
      "GW_RESULT_TOO_LARGE",
      () => server.sent.at(-1)?.fail(fault("GW_RESULT_TOO_LARGE", { message: "m" }), true),
    ],
    [
      "GW_ENDED_BY_OPERATOR",
      () =>
        endCall(
          [...at.ports.board.inFlight][0]!,
          "m",
          fault("GW_ENDED_BY_OPERATOR", { message: "m" }),
        ),
    ],
  ];
  for (const [code, end] of ends) {
    const text = call(code);
    await settle();
    await end();
    await settle();
    expect(at.records.at(-1)).toMatchObject({ kind: "outcome", fields: { code } });
    await text;
    const sent = server.sent.length;
    expect(await call(code)).toContain("GW_MAY_HAVE_RUN");
    expect(server.sent.length).toBe(sent);
  }
  const body = echoOf('{"text":"taken back"}');
  const handling = handle(incoming(body, { era: "legacy" }), catchReply(), at.ports);
  await settle();
  handling.cancel("changed my mind");
  await settle();
  const sent = server.sent.length;
  void call("taken back");
  await settle();
  expect(server.sent.length).toBe(sent + 1);
});

test("U27 the same arguments in another spelling are the same call", async () => {
  const { server, at } = await worldOf(lost);
  const made = async (args: string) => {
    const reply = catchReply();
    handle(incoming(echoOf(args), { era: "legacy" }), reply, at.ports);
    await settle();
    return JSON.stringify(reply.answer()?.value["result"]);
  };
  const spellings = [
    ['{"text":"a","n":{"x":1,"y":[2]}}', '{ "n" : {"y":[2.0], "x":1e0}, "text":"\\u0061" }'],
    ['{"n":12345678901234567890}', '{"n":12345678901234567890}'],
  ] as const;
  for (const [one, other] of spellings) {
    expect(await made(one)).toContain("GW_UPSTREAM_LOST");
    expect(await made(other)).toContain("GW_MAY_HAVE_RUN");
  }
  const before = server.sent.length;
  expect(await made('{"n":12345678901234567890}')).toContain("GW_UPSTREAM_LOST");
  expect(await made('{"n":12345678901234567891}')).toContain("GW_UPSTREAM_LOST");
  expect(await made('{"text":["a"]}')).toContain("GW_UPSTREAM_LOST");
  expect(server.sent.length).toBe(before + 3);
});

test("calls wait for what the receipts of earlier runs say, for a moment", async () => {
  const { server, at, call } = await worldOf((request) => request.result('{"content":[]}'));
  at.ports.repeats.load(new Promise(() => undefined));
  const reply = call();
  await reply;
  expect(server.sent.length).toBe(0);
  await at.clock.advance(limits.repeatLoadMs);
  expect(server.sent.length).toBe(1);
  expect(at.ports.repeats.loading).toBeUndefined();
});

describe("bounded", () => {
  const same = (keyId: string, index: number) => ({
    ...{ keyId, server: "s", tool: "t" },
    argsHash: String(index),
  });

  test("the memory has a size, and a key that fills it pushes out its own", () => {
    const repeats = createRepeats(setClock());
    repeats.remember(same("quiet", 0), "r-quiet");
    for (let index = 0; index < limits.repeatCalls + 50; index += 1) {
      repeats.remember(same("loud", index), `r-${index}`);
    }
    expect(repeats.size).toBe(limits.repeatCalls);
    expect(repeats.refuse(same("quiet", 0), "s/t")?.why).toContain("r-quiet");
    expect(repeats.refuse(same("loud", 0), "s/t")).toBeUndefined();
    expect(repeats.refuse(same("loud", limits.repeatCalls), "s/t")?.code).toBe("GW_MAY_HAVE_RUN");
  });

  test("old ones are let go when there is no room, and when their key calls", async () => {
    const clock = setClock();
    const repeats = createRepeats(clock);
    repeats.remember(same("k", 0), "r-0");
    await clock.advance(limits.repeatMs);
    expect(repeats.refuse(same("k", 1), "s/t")).toBeUndefined();
    expect(repeats.size).toBe(0);
  });
});

test("a call whose time is over before its server is reached did not run", async () => {
  const { server, at } = await worldOf(() => undefined);
  Object.assign(server, { send: () => new Promise(() => undefined) });
  const reply = catchReply();
  const body =
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"s__echo","arguments":{}}}';
  handle(incoming(body, { era: "legacy" }), reply, at.ports);
  await at.clock.advance(1_100);
  const text = JSON.stringify(reply.answer()?.value["result"]);
  expect(text).toContain("GW_UPSTREAM_DOWN");
  expect(text).toContain("nothing was sent");
  expect(text).not.toContain("may have run");
  expect(at.records.at(-1)).toMatchObject({ fields: { outcome: "upstream_down" } });
});
