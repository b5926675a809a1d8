/** A disk that hung for a while: calls that waited for it. */

import { expect, test } from "bun:test";
import { newToken } from "../../src/access/token.ts";
import { limits } from "../../src/base/limits.ts";
import { systemRandom } from "../../src/base/system.ts";
import { receiptOf } from "../../src/call/board.ts";
import { handle } from "../../src/call/methods.ts";
import { scriptedUpstream, setClock, settle, world } from "../kit/scripted.ts";
import { catchReply, incoming } from "../kit/scripted-client.ts";

const policy = 'id: t\nallow: ["s/*"]\n';
const body = (name: string) =>
  `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":${JSON.stringify(name)}}}`;

test.each([
  [limits.writeStuckMs, 1],
  [limits.writeStuckMs + 1, 0],
])("A14 a call whose intent took %d ms to the disk is sent %d times", async (ms, sent) => {
  const server = scriptedUpstream("s", [{ name: "echo", inputSchema: { type: "object" } }]);
  const gates: PromiseWithResolvers<void>[] = [];
  const durable = () => {
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    return gate.promise;
  };
  const clock = setClock();
  const { ports, records } = await world([server], { policy, durable, clock });
  const reply = catchReply();
  handle(incoming(body("s__echo")), reply, ports);
  await clock.advance(ms);
  for (let at = 0; at < 2; at += 1) {
    gates[at]?.resolve();
    await settle();
  }
  expect(server.sent).toHaveLength(sent);
  const code = sent === 1 ? "" : "GW_AUDIT_UNAVAILABLE";
  const outcome = sent === 1 ? "ok" : "limited";
  expect(records).toMatchObject([
    { kind: "intent" },
    { kind: "outcome", fields: { code, outcome } },
  ]);
  const text = reply.answer()?.text ?? "";
  expect(text.includes("nothing was sent: the call may be repeated")).toBe(sent === 0);
  expect(text).not.toContain("may have run");
  expect(ports.board.inFlight.size).toBe(0);
  // What was not sent may be sent now (U27).
  handle(incoming(body("s__echo")), catchReply(), ports);
  gates.at(-1)?.resolve();
  await settle();
  expect(server.sent).toHaveLength(sent + 1);
});

test("A14 a call that its client took back meanwhile is cancelled, and not answered", async () => {
  const server = scriptedUpstream("s", [{ name: "echo", inputSchema: { type: "object" } }]);
  const gates: PromiseWithResolvers<void>[] = [];
  const durable = () => {
    gates.push(Promise.withResolvers<void>());
    return gates.at(-1)?.promise;
  };
  const clock = setClock();
  const { ports, records } = await world([server], { policy, durable, clock });
  const reply = catchReply();
  const call = handle(incoming(body("s__echo")), reply, ports);
  call.cancel("the client");
  await clock.advance(limits.writeStuckMs + 1);
  for (let at = 0; at < 2; at += 1) {
    gates[at]?.resolve();
    await settle();
  }
  expect(records).toMatchObject([
    { kind: "intent" },
    { fields: { code: "", outcome: "cancelled" } },
  ]);
  expect([server.sent.length, reply.answer()]).toEqual([0, undefined]);
});

test.each([["name"], ["s__name"]])(
  "F9 A18 a key that is sent as a tool's %s is in no record",
  async (name) => {
    const server = scriptedUpstream("s", [{ name: "echo", inputSchema: { type: "object" } }]);
    const { ports, records } = await world([server], { policy });
    const token = newToken(systemRandom);
    handle(incoming(body(name.replace("name", token))), catchReply(), ports);
    await settle();
    const shown = JSON.stringify([records, ports.board.recent.map(({ target }) => target)]);
    expect(records).toHaveLength(1);
    expect(shown).not.toContain(token.slice(4));
    expect(shown).toContain("agw_[hidden]");
    expect(receiptOf(ports.board.recent[0] as never)).not.toBe("");
  },
);
