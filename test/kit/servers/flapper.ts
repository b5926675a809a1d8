/**
 * A server that comes and goes. `bun flapper.ts stdio STARTS CALM`: adds a line to STARTS, echoes,
 * and ends after 2 s unless there is a file CALM. `bun flapper.ts http PORT CANARY`: on a call of
 * `die` adds its text to CANARY and ends at once.
 */

import { appendFileSync, existsSync } from "node:fs";
import process from "node:process";

interface Message {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly name?: string; readonly arguments?: { readonly text?: string } };
}

const [mode, place = "", file = ""] = process.argv.slice(2);
const inputSchema = { type: "object", properties: { text: { type: "string" } } };
const tools = ["echo", "die"].map((name) => ({ name, inputSchema }));
if (mode === "stdio") overStdio();
else overHttp();

function answer({ id, method, params }: Message): object | undefined {
  if (id === undefined) return undefined;
  const text = params?.arguments?.text ?? "";
  if (method === "tools/call" && params?.name === "die") {
    appendFileSync(file, `${text}\n`);
    process.kill(process.pid, "SIGKILL");
  }
  const serverInfo = { name: "flapper", version: "1" };
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

function overStdio(): void {
  appendFileSync(place, `${Date.now()}\n`);
  const born = Date.now();
  setInterval(() => {
    if (Date.now() - born > 2_000 && !existsSync(file)) process.exit(1);
  }, 50);
  let rest = "";
  process.stdin.on("data", (chunk) => {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const told = line === "" ? undefined : answer(JSON.parse(line));
      if (told !== undefined) process.stdout.write(`${JSON.stringify(told)}\n`);
    }
  });
  process.stdin.on("end", () => process.exit(0));
}

function overHttp(): void {
  Bun.serve({
    hostname: "127.0.0.1",
    port: Number(place),
    async fetch(request) {
      if (request.method !== "POST") return new Response(null, { status: 405 });
      const told = answer((await request.json()) as Message);
      return told === undefined ? new Response(null, { status: 202 }) : Response.json(told);
    },
  });
}
