/** Each refusal is told once, on whatever way its answer leaves; no other answer is. */

import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import type { World } from "./kit.ts";
import { hello, modern, open, post, rpc, to, world } from "./kit.ts";

const call = rpc("tools/call", { name: "a__b" });
const list = rpc("tools/list");
const modernCall = () => modern("tools/call", { name: "a__b", arguments: {} });

/** Told while `busy` other calls are in flight. */
async function told(make: (made: World) => Request | Promise<Request>, status: number, busy = 0) {
  const made = world(({ incoming, reply }) => {
    const { idText, method, params } = incoming.message;
    if (method === "ping") return; // stays in flight
    const late = () => reply.send(status, [`{"jsonrpc":"2.0","id":${idText},"result":{}}`]);
    if (params["now"] === true) late();
    else setTimeout(late, 1);
  });
  const session = await open(made);
  for (let id = 0; id < busy; id++) {
    void made.ask(post({ ...rpc("ping"), id: `busy ${id}` }, session));
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
  const refused: number[] = [];
  made.front.onRefused((_, response) => refused.push(response.status));
  const answer = await made.ask(await make(made));
  await new Promise((resolve) => setTimeout(resolve, 5));
  const seen = [...refused];
  made.front.close();
  return { seen, status: answer.status };
}

const unknown = { "mcp-session-id": "x" };
const cases: [string, (made: World) => Request | Promise<Request>, number][] = [
  ["at the door", () => post(call, { host: "evil.example" }), 403],
  ["without a key", () => post(call, { authorization: "" }), 401],
  ["of another method", () => new Request(post(call), { method: "PUT" }), 405],
  ["before its body", () => post(call, { "content-type": "text/plain" }), 415],
  ["after its body", () => post("{"), 400],
  ["by what breaks", breaking, 500],
  ["a session that is unknown", () => post(call, unknown), 404],
  ["a list of such a session", () => post(list, unknown), 404],
  ["by the call path, at once", () => modern("tools/call", { name: "a__b", now: true }), 404],
  ["by the call path, late", modernCall, 404],
  ["by the call path, after waits", async (made) => post(list, await open(made)), 404],
];

test.each([0, 1])(
  "R7 a large error of a server is for its client alone, %d ms late",
  async (ms) => {
    const data = "x".repeat(2 * limits.unreadFromBytes);
    const made = world(({ incoming, reply }) => {
      const { idText } = incoming.message;
      const error = JSON.stringify({ code: -32601, message: "no", data });
      const late = () => reply.send(404, [`{"jsonrpc":"2.0","id":${idText},"error":${error}}`]);
      if (ms === 0) late();
      else setTimeout(late, ms);
    });
    // As the history does: it would read all of it at once, and leave the client's part uncounted.
    const read: Promise<string>[] = [];
    made.front.onRefused((_, response) => void read.push(response.clone().text()));
    const answer = await made.ask(modernCall());
    await Promise.all(read);
    expect(answer.status).toBe(404);
    expect(made.front.status().unreadBytes).toBeGreaterThan(data.length);
    expect((await answer.text()).length).toBeGreaterThan(data.length);
    expect(made.front.status().unreadBytes).toBe(0);
    made.front.close();
  },
);

/** A request whose answer throws. */
function breaking(made: World): Request {
  Object.defineProperty(made, "ready", {
    get() {
      throw new Error("broken");
    },
  });
  return to("GET", "/ready");
}

for (const busy of [0, limits.crowd]) {
  test.each(cases)(`${busy} in flight: %s`, async (_, make, status) => {
    const { seen, status: answered } = await told(make, 404, busy);
    expect(answered).toBe(status);
    expect(seen).toEqual([status]);
  });
  test.each([
    ["a modern call", modernCall],
    ["a legacy call", async (made: World) => post(call, await open(made))],
    ["a legacy list", async (made: World) => post(list, await open(made))],
    ["an initialize", () => post(hello)],
  ] as const)(`${busy} in flight: %s is no refusal`, async (_, make) => {
    const { seen, status } = await told(make, 200, busy);
    expect([status, seen]).toEqual([200, []]);
  });
}
