/** U18: what becomes of notifications that came too fast to be told. */

import { expect, test } from "bun:test";
import { handle } from "../../src/call/methods.ts";
import { callRow } from "../../src/gateway/live-calls.ts";
import { scriptedUpstream, settle, world } from "../kit/scripted.ts";
import { catchReply, incoming } from "../kit/scripted-client.ts";

async function started() {
  const server = scriptedUpstream("s", [{ name: "t", inputSchema: { type: "object" } }], {
    script: () => undefined,
  });
  const at = await world([server], {
    policy: 'id: t\nallow: ["s/t"]\n',
    timeout: { idleMs: 1_000, maxMs: 5_000 },
  });
  const reply = catchReply();
  const params = '{"name":"s__t","_meta":{"progressToken":"mine"}}';
  const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
  handle(incoming(body), reply, at.ports);
  await settle();
  const sent = server.sent[0]!;
  const told = () => reply.notes.map(({ params }) => params);
  const crowd = (step: number) => sent.crowd(`{"progressToken":1,"progress":${step}}`);
  return { at, reply, sent, told, crowd };
}

test("the last progress of a burst is told once it is quiet, under the client's own token", async () => {
  const { at, told, crowd } = await started();
  for (let step = 1; step <= 1_000; step++) crowd(step);
  expect(told()).toEqual([]);
  await at.clock.advance(200);
  expect(told()).toEqual([{ progressToken: "mine", progress: 1_000 }]);
  await at.clock.advance(500);
  expect(told()).toHaveLength(1);
});

test("a later one that was told takes its place", async () => {
  const { at, sent, told, crowd } = await started();
  crowd(1);
  sent.progress('{"progressToken":1,"progress":2}');
  await at.clock.advance(500);
  expect(told()).toEqual([{ progressToken: "mine", progress: 2 }]);
});

test("it is told before the answer, not after it", async () => {
  const { at, reply, sent, told, crowd } = await started();
  crowd(9);
  sent.result('{"content":[]}');
  await settle();
  expect(told()).toEqual([{ progressToken: "mine", progress: 9 }]);
  expect(reply.answer()).toBeDefined();
  await at.clock.advance(500);
  expect(told()).toHaveLength(1);
});

test("each is a sign of life, and counted; log messages and large ones are not kept", async () => {
  const { at, told, sent, crowd, reply } = await started();
  for (let round = 0; round < 3; round++) {
    await at.clock.advance(900);
    sent.crowd(undefined);
  }
  sent.crowd(`{"progressToken":1,"progress":1,"message":"${"x".repeat(5_000)}"}`);
  await at.clock.advance(500);
  expect(told()).toEqual([]);
  expect(reply.answer()).toBeUndefined();
  crowd(1);
  const [live] = at.ports.board.inFlight;
  expect(callRow(live!, "/")).toMatchObject({ dropped: 5, deadline: { progress: 0 } });
  await at.clock.advance(1_200);
  expect(JSON.stringify(reply.answer()?.value)).toContain("GW_TIMEOUT_IDLE");
});
