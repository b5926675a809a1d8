/**
 * An HTTP server that echoes, and on a call of `die` adds its text to CANARY and ends at once:
 * `bun mortal.ts PORT CANARY`.
 */

import { appendFileSync } from "node:fs";
import process from "node:process";

interface Message {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly name?: string; readonly arguments?: { readonly text?: string } };
}

const [port, canary = ""] = process.argv.slice(2);
const inputSchema = { type: "object", properties: { text: { type: "string" } } };
const tools = ["echo", "die"].map((name) => ({ name, inputSchema }));

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  async fetch(request) {
    if (request.method !== "POST") return new Response(null, { status: 405 });
    const told = answer((await request.json()) as Message);
    return told === undefined ? new Response(null, { status: 202 }) : Response.json(told);
  },
});

function answer({ id, method, params }: Message): object | undefined {
  if (id === undefined) return undefined;
  const text = params?.arguments?.text ?? "";
  if (method === "tools/call" && params?.name === "die") {
    appendFileSync(canary, `${text}\n`);
    process.kill(process.pid, "SIGKILL");
  }
  const serverInfo = { name: "mortal", version: "1" };
  const results: Record<string, unknown> = {
    initialize: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo },
    ping: {},
    "tools/list": { tools },
    "tools/call": { content: [{ type: "text", text }] },
  };
  const result = results[method];
  const error = { code: -32601, message: `no ${method}` };
  return { jsonrpc: "2.0", id, ...(result ? { result } : { error }) };
}
