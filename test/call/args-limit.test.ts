/** Arguments over `max_args`: refused after the policy allowed the call, with a receipt. */

import { expect, test } from "bun:test";
import type { JsonObject } from "../../src/base/json.ts";
import { handle } from "../../src/call/methods.ts";
import { scriptedUpstream, settle, world } from "../kit/scripted.ts";
import { catchReply, incoming } from "../kit/scripted-client.ts";

const inputSchema = { type: "object", properties: { a: { type: "string" } } } as const;
const named = (name: string) => ({ name, inputSchema }) as const;

async function start() {
  const server = scriptedUpstream("s", [named("small"), named("any"), named("denied")], {
    prompts: [{ name: "ask", arguments: [{ name: "a" }] }],
  });
  const small = { bytes: 20, setting: "servers.s.tools.small.max_args" };
  const at = await world([server], {
    policy:
      'id: t\nallow: ["s/small", "s/any"]\nrules: [{ id: p, effect: allow, prompts: ["*"] }]\n',
    maxArgs: { small, denied: small, ask: { bytes: 20, setting: "servers.s.max_args" } },
  });
  return { server, at };
}

async function ask({ at }: Awaited<ReturnType<typeof start>>, method: string, params: JsonObject) {
  const reply = catchReply();
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  handle(incoming(body), reply, at.ports);
  for (let turn = 0; turn < 5; turn += 1) await settle();
  return { text: reply.answer()?.text ?? "", value: reply.answer()?.value };
}

/** `{"a":"…"}` of so many bytes. */
const args = (bytes: number) => ({ a: "x".repeat(bytes - 8) });

test("R14 larger arguments are refused with the setting and its value; nothing is sent", async () => {
  const world = await start();
  const { text } = await ask(world, "tools/call", { name: "s__small", arguments: args(21) });
  expect(text).toContain('GW_ARGS_TOO_LARGE: The arguments of \\"s/small\\" have 21 bytes');
  expect(text).toContain("servers.s.tools.small.max_args is 20B; nothing was sent");
  expect(text).toContain("Try: send less, or raise servers.s.tools.small.max_args in the config");
  expect(text).not.toContain("may have run");
  expect(text).toContain("Receipt: r-test-0");
  expect(world.server.sent).toHaveLength(0);
  expect(world.at.records).toMatchObject([
    { kind: "refusal", fields: { code: "GW_ARGS_TOO_LARGE", outcome: "limited", argsBytes: 21 } },
  ]);
});

test("arguments of that size, and of tools without a limit, are sent", async () => {
  const world = await start();
  await ask(world, "tools/call", { name: "s__small", arguments: args(20) });
  await ask(world, "tools/call", { name: "s__small" });
  await ask(world, "tools/call", { name: "s__any", arguments: args(9_999) });
  expect(world.server.sent).toHaveLength(3);
});

test("a prompt's arguments count too, and its client gets a JSON-RPC error", async () => {
  const world = await start();
  const { value } = await ask(world, "prompts/get", { name: "s__ask", arguments: args(50) });
  expect(value?.["error"]).toMatchObject({
    code: -31003,
    data: { code: "GW_ARGS_TOO_LARGE", setting: "servers.s.max_args", limit: 20 },
  });
  expect(world.server.sent).toHaveLength(0);
});

test("who may not call the tool learns nothing of its limit", async () => {
  const world = await start();
  const { text } = await ask(world, "tools/call", { name: "s__denied", arguments: args(21) });
  expect(text).toContain("GW_NO_RULE");
  expect(text).not.toContain("max_args");
});
