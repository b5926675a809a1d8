/** A call that waits for its turn at the server: its deadline, its stage, its receipt, its end. */

import { expect, test } from "bun:test";
import { fault } from "../../src/base/errors.ts";
import { createBoard, endCall, type LiveCall } from "../../src/call/board.ts";
import { handle } from "../../src/call/methods.ts";
import { callRow } from "../../src/gateway/live-calls.ts";
import { createLoad } from "../../src/upstream/load.ts";
import { createQueue } from "../../src/upstream/queue.ts";
import { supervised } from "../kit/counted.ts";
import { type ScriptedUpstream, scriptedUpstream, settle, world } from "../kit/scripted.ts";
import { catchReply, incoming } from "../kit/scripted-client.ts";

const tool = { name: "t", inputSchema: { type: "object" } } as const;
const policy = 'id: t\nallow: ["s/t"]\n';

async function start(timeout = { idleMs: 1_000, maxMs: 5_000 }, callsPerKey?: number) {
  const server = queued(scriptedUpstream("s", [tool], { script: () => undefined }), 1, 2);
  const at = await world([server], { policy, timeout });
  const board = createBoard(at.clock, () => undefined, callsPerKey);
  const ports = { ...at.ports, board };
  let id = 0;
  async function call() {
    const reply = catchReply();
    id += 1;
    const body = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"s__t"}}`;
    const handling = handle(incoming(body), reply, ports);
    await settle();
    const text = () => JSON.stringify(reply.answer()?.value);
    return { reply, handling, text };
  }
  const rows = () => [...board.inFlight].map((one) => callRow(one, "/"));
  return { server, at, call, rows, board };
}

/** The same server with room for so many calls. */
function queued(server: ScriptedUpstream, maxInFlight: number, maxQueued: number) {
  const config = { id: server.id, maxInFlight, maxQueued };
  const load = createLoad(config, undefined, () => queue.freed());
  const send = supervised(server.send, load);
  const queue = createQueue({ config, load, send });
  server.send = (request, sink) =>
    queue.hasRoom() ? send(request, sink) : queue.add(request, sink);
  return server;
}

test("it is in stage queue, then at the server, and its receipt says how long it waited", async () => {
  const { server, at, call, rows } = await start();
  await call();
  const second = await call();
  expect(rows().map(({ stage }) => stage)).toEqual(["server", "queue"]);
  expect(rows()[1]).toMatchObject({
    deadline: { which: "idle", limitMs: 1_000 },
    era: { out: null },
  });
  await at.clock.advance(400);
  server.sent[0]?.result('{"content":[]}');
  await settle();
  expect(rows().map(({ stage }) => stage)).toEqual(["server"]);
  expect(rows()[0]).toMatchObject({ timings: { queue: 400, server: null } });
  await at.clock.advance(250);
  server.sent[1]?.result('{"content":[]}');
  await settle();
  expect(second.text()).toContain('"result"');
  expect(at.records.at(-1)).toMatchObject({ fields: { queueMs: 400, serverMs: 250, tookMs: 650 } });
});

test("a call that did not wait has no queue in its receipt", async () => {
  const { server, at, call } = await start();
  await call();
  server.sent[0]?.result('{"content":[]}');
  await settle();
  expect(at.records.at(-1)).toMatchObject({ fields: { queueMs: undefined } });
});

test("queue time counts: idle and max fire in the queue, name both settings, nothing was sent", async () => {
  for (const [which, timeout] of [
    ["idle", { idleMs: 1_000, maxMs: 5_000 }],
    ["max", { idleMs: 800, maxMs: 800 }],
  ] as const) {
    const { server, at, call } = await start(timeout);
    const first = await call();
    // The first one lives on: only the other's time is over.
    server.sent[0]?.progress('{"progressToken":1,"progress":1}');
    const second = await call();
    await at.clock.advance(which === "idle" ? 1_050 : 850);
    expect(second.text()).toContain("GW_UPSTREAM_BUSY");
    expect(second.text()).toContain("servers.s.max_in_flight is 1; nothing was sent");
    const limit = which === "idle" ? "timeout.idle is 1 s" : "timeout.max is 0.8 s";
    expect(second.text()).toContain(limit);
    expect(second.text()).not.toContain("may have run");
    expect(server.sent).toHaveLength(1);
    const end = at.records.find(
      (one) => one.kind === "outcome" && one.fields.code === "GW_UPSTREAM_BUSY",
    );
    expect(end).toMatchObject({ fields: { outcome: "limited" } });
    first.handling.cancel("over");
  }
});

test("what waited first and is silent then says how long each took", async () => {
  const { server, at, call } = await start();
  await call();
  const second = await call();
  await at.clock.advance(600);
  server.sent[0]?.result('{"content":[]}');
  await settle();
  expect(server.sent).toHaveLength(2);
  await at.clock.advance(450);
  expect(second.text()).toContain("of which it waited 0.6 s for its turn");
  expect(second.text()).toContain("GW_TIMEOUT_IDLE");
});

test("a client that takes it back or leaves frees its place; the server hears nothing", async () => {
  const { server, at, call } = await start();
  await call();
  const [second, third] = [await call(), await call()];
  second.handling.cancel("the client left");
  await settle();
  const fourth = await call();
  expect(fourth.reply.answer()).toBeUndefined();
  const fifth = await call();
  expect(fifth.text()).toContain("GW_UPSTREAM_BUSY");
  expect(fifth.text()).toContain("servers.s.max_queued is 2");
  expect(server.cancelled).toEqual([]);
  expect(third.reply.answer()).toBeUndefined();
  expect(at.records.find((one) => one.kind === "outcome")).toMatchObject({
    fields: { outcome: "cancelled", queueMs: undefined },
  });
});

for (const [code, says] of [
  ["GW_ENDED_BY_OPERATOR", /enough; it still waited: nothing was sent\. Try: ask who runs/],
  ["GW_ENDED_BY_STOP", /enough; it still waited: nothing was sent\. Try: it may be repeated/],
] as const) {
  test(`U27 ${code} of a call that still waited: cancelled, not sent, and the same call is made`, async () => {
    const { server, at, call, board } = await start();
    await call();
    const second = await call();
    const live = [...board.inFlight].at(-1) as LiveCall;
    endCall(live, "no more", fault(code, { message: "ended", cause: "enough" }));
    await settle();
    expect(second.text()).toMatch(says);
    expect(second.text()).not.toMatch(/may have run|whether it ran/);
    expect(at.records.find(({ kind }) => kind === "outcome")).toMatchObject({
      fields: { outcome: "cancelled", code: "" },
    });
    expect(server.cancelled).toEqual([]);
    server.sent[0]?.result('{"content":[]}');
    await settle();
    // The same key, tool and arguments: no 10 minutes for it.
    const third = await call();
    server.sent[1]?.result('{"content":[]}');
    await settle();
    expect(third.text()).toContain('"result":{"content":[]}');
  });
}

test("R14 R16 a key with as many calls as it may have is refused at once, without a receipt", async () => {
  const { server, at, call, board } = await start(undefined, 2);
  await call();
  await call();
  const before = at.records.length;
  const third = await call();
  expect(third.text()).toContain("GW_KEY_BUSY");
  expect(third.text()).toContain("limits.calls_per_key, 2");
  expect(at.records).toHaveLength(before);
  expect(board.refused.count).toBe(1);
  server.sent[0]?.result('{"content":[]}');
  await settle();
  await call();
  expect(board.refused.count).toBe(1);
  expect(board.mostOfKey()).toBe(2);
});
