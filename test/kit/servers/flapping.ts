/**
 * A server whose tool `say` answers its nonce 30 ms later and notes it in a file when it was asked:
 * `bun flapping.ts FILE stdio` ends by itself two seconds after its start, `bun flapping.ts FILE
 * http PORT` when it is killed. Notes: `up TIME`, `call NONCE`.
 */

import { appendFileSync } from "node:fs";
import process from "node:process";

const [file = "", transport, port = "0"] = process.argv.slice(2);
const note = (text: string) => appendFileSync(file, `${text}\n`);
note(`up ${Date.now()}`);

interface Message {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly arguments?: { readonly nonce?: string } };
}

async function answer({ id, method, params }: Message): Promise<string | undefined> {
  if (id === undefined) return undefined;
  const inputSchema = { type: "object", properties: { nonce: { type: "string" } } };
  const nonce = params?.arguments?.nonce ?? "";
  if (method === "tools/call") {
    note(`call ${nonce}`);
    await Bun.sleep(30);
  }
  const results: Readonly<Record<string, object>> = {
    initialize: {
      protocolVersion: "2025-11-25",
      capabilities: { tools: {} },
      serverInfo: { name: "flapping", version: "1" },
    },
    ping: {},
    "tools/list": { tools: [{ name: "say", inputSchema }] },
    "tools/call": { content: [{ type: "text", text: nonce }] },
  };
  const result = results[method];
  const error = { code: -32601, message: `no ${method}` };
  return JSON.stringify({ jsonrpc: "2.0", id, ...(result === undefined ? { error } : { result }) });
}

if (transport === "http") {
  Bun.serve({
    hostname: "127.0.0.1",
    port: Number(port),
    async fetch(request) {
      if (request.method !== "POST") return new Response(null, { status: 405 });
      const text = await answer((await request.json()) as Message);
      if (text === undefined) return new Response(null, { status: 202 });
      return new Response(text, { headers: { "content-type": "application/json" } });
    },
  });
} else {
  setTimeout(() => process.exit(1), 2_000);
  let rest = "";
  process.stdin.on("data", (chunk) => {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      void answer(JSON.parse(line) as Message).then(
        (text) => text && process.stdout.write(`${text}\n`),
      );
    }
  });
}
