/** A batch is one body, in memory that is used again: each of its calls has its own bytes. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { echoHttp, type HttpServer } from "../kit/servers.ts";

let server: HttpServer;
let gateway: TestGateway;
let header: Record<string, string>;

beforeAll(async () => {
  server = await echoHttp();
  gateway = await startGateway({
    config: { servers: { s: { url: server.url, max_in_flight: 1 } } },
    policy: 'id: p\nallow: ["s/*"]\n',
  });
  header = {
    authorization: `Bearer ${await gateway.key("executor")}`,
    "content-type": "application/json",
    accept: "application/json",
  };
  const clientInfo = { name: "batch", version: "1" };
  const params = { protocolVersion: "2025-03-26", capabilities: {}, clientInfo };
  const { headers } = await post({ jsonrpc: "2.0", id: 0, method: "initialize", params });
  header["mcp-session-id"] = headers.get("mcp-session-id") ?? "";
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server.stop();
});

test("the end of a large call of a batch takes nothing from the others", async () => {
  for (let round = 0; round < 8; round += 1) {
    const calls = Array.from({ length: 12 }, (_, id) => {
      const text = String.fromCharCode(97 + id).repeat(300_000 - id * 1_000);
      const params = { name: "s__echo", arguments: { text } };
      return { jsonrpc: "2.0", id, method: "tools/call", params };
    });
    const answers = (await (await post(calls)).json()) as Answer[];
    const echoed = answers.map(({ id, result }) => {
      const text = result?.content[0]?.text ?? "";
      return [id, text.length, text === text.charAt(0).repeat(text.length), text.charAt(0)];
    });
    expect(echoed.sort(([a], [b]) => Number(a) - Number(b))).toEqual(
      calls.map(({ id }) => [id, 300_000 - id * 1_000, true, String.fromCharCode(97 + id)]),
    );
  }
});

interface Answer {
  readonly id: number;
  readonly result?: { readonly content: readonly { readonly text: string }[] };
}

function post(body: unknown): Promise<Response> {
  const init = { method: "POST", headers: header, body: JSON.stringify(body) };
  return fetch(`${gateway.url}/mcp`, init);
}
