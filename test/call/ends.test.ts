/** R14: each call is over once, whatever becomes of it: else it counts among its key's for ever. */

import { expect, test } from "bun:test";
import { handle } from "../../src/call/methods.ts";
import { scriptedUpstream, settle, world } from "../kit/scripted.ts";
import { catchReply, incoming } from "../kit/scripted-client.ts";

const allow = 'id: t\nallow: ["s/echo"]\n';
const body = (name: string) =>
  `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":${JSON.stringify(name)}}}`;
const disk = () => Promise.reject(new Error("disk"));
const thenDisk = () => {
  let records = 0;
  return () => (records++ === 0 ? Promise.resolve() : disk());
};

type Case = [string, { policy?: string; name?: string; durable?: () => Promise<void> }, string];
const cases: Case[] = [
  ["made", { policy: allow }, '"result"'],
  ["denied", {}, "GW_NO_POLICY"],
  ["of no tool", { policy: allow, name: "s__none" }, "GW_TOOL_UNKNOWN"],
  ["without a name", { policy: allow, name: "" }, "GW_PARAMS"],
  ["whose intent cannot be written", { policy: allow, durable: disk }, "disk"],
  ["whose refusal cannot be written", { durable: disk }, "disk"],
  ["whose outcome cannot be written", { policy: allow, durable: thenDisk() }, "GW_OUTCOME_LOST"],
];

async function worldOf({ policy, durable }: Case[1]) {
  const server = scriptedUpstream("s", [{ name: "echo", inputSchema: { type: "object" } }]);
  const options = { ...(policy && { policy }), ...(durable && { durable }) };
  const { ports } = await world([server], options);
  return { ...ports, error() {} };
}

test.each(cases)("one %s is answered once and over once", async (_, how, told) => {
  const ports = await worldOf(how);
  const reply = catchReply();
  handle(incoming(body(how.name ?? "s__echo")), reply, ports);
  await settle();
  expect(reply.answer()?.text).toContain(told);
  const { board } = ports;
  expect([board.inFlight.size, board.mostOfKey(), board.ended]).toEqual([0, 0, 1]);
});

test("one that cannot be answered is over all the same", async () => {
  const ports = await worldOf({});
  const deaf = { ...catchReply(), send: fails };
  expect(() => handle(incoming(body("s__echo")), deaf, ports)).toThrow("deaf");
  const { board } = ports;
  expect([board.inFlight.size, board.mostOfKey(), board.ended]).toEqual([0, 0, 1]);
});

function fails(): never {
  throw new Error("deaf");
}
