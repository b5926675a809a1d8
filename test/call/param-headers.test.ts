/** Headers that mirror arguments (SEP-2243), where policy gets these brief. */

import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { handle } from "../../src/call/methods.ts";
import { scriptedUpstream, settle, world } from "../kit/scripted.ts";
import { catchReply, incoming } from "../kit/scripted-client.ts";

const tool = {
  name: "t",
  inputSchema: {
    type: "object",
    properties: { region: { type: "string", "x-mcp-header": "Region" }, text: { type: "string" } },
  },
} as const;
const long = "x".repeat(limits.subjectBytes + 1);

test("U23 a header is held against its argument, however long this or others are", async () => {
  const server = scriptedUpstream("s", [tool], { era: "modern" });
  const at = await world([server], { policy: "id: t\nallow: [s/t]\n" });
  const call = async (args: object, region: string | undefined): Promise<string> => {
    const params = { name: "s__t", arguments: args };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
    const headers = region === undefined ? {} : { "mcp-param-region": region };
    const reply = catchReply();
    handle(incoming(body, { era: "modern", headers }), reply, at.ports);
    await settle();
    return reply.answer()?.text.includes("-32020") === true ? "mismatch" : "made";
  };
  expect(await call({ region: "eu", text: long }, "eu")).toBe("made");
  expect(await call({ region: "eu", text: long }, "us")).toBe("mismatch");
  expect(await call({ region: long }, undefined)).toBe("mismatch");
  expect(await call({ region: long }, "eu")).toBe("mismatch");
  expect(await call({ region: long }, long)).toBe("made");
  expect(server.sent.length).toBe(2);
});
