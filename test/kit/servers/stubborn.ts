/**
 * A server that ignores the end of stdin and TERM, and tells what happens to it in a file, a line
 * each: `pid N`, `cancelled`, `closed`. `bun stubborn.ts FILE stdio|http [PORT]`. Tools: `env`
 * (its environment, and what it can read of its parent's), `wait` (never answers), `die`.
 */

import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import process from "node:process";

const [file = "", transport, port = "0"] = process.argv.slice(2);
const say = (text: string) => appendFileSync(file, `${text}\n`);
say(`pid ${process.pid}`);
for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(name, () => undefined);

interface Message {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly name?: string };
}

const inputSchema = { type: "object" };
const tools = ["env", "wait", "die"].map((name) => ({ name, inputSchema }));

/** undefined: no answer. */
function answer({ id, method, params }: Message): string | undefined {
  if (method === "notifications/cancelled") say("cancelled");
  if (id === undefined || (method === "tools/call" && params?.name === "wait")) return undefined;
  if (method === "tools/call" && params?.name === "die") process.exit(1);
  const results: Record<string, unknown> = {
    initialize: {
      protocolVersion: "2025-11-25",
      capabilities: { tools: {} },
      serverInfo: { name: "stubborn", version: "1" },
    },
    ping: {},
    "tools/list": { tools },
    "tools/call": { content: [{ type: "text", text: JSON.stringify(environment()) }] },
  };
  const result = results[method];
  const error = { code: -32601, message: `no ${method}` };
  return JSON.stringify({ jsonrpc: "2.0", id, ...(result ? { result } : { error }) });
}

function environment(): object {
  let parent: string;
  try {
    parent = readFileSync(`/proc/${process.ppid}/environ`, "utf8");
  } catch (thrown) {
    parent = String((thrown as { code?: string }).code);
  }
  return { own: process.env, parent, uid: process.getuid?.() };
}

function overStdio(): void {
  let rest = "";
  process.stdin.on("data", (chunk) => {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const text = answer(JSON.parse(line));
      if (text !== undefined) process.stdout.write(`${text}\n`);
    }
  });
  setInterval(() => undefined, 1_000);
}

function overHttp(): void {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      if (request.method !== "POST") return void response.writeHead(405).end();
      const message: Message = JSON.parse(body);
      response.on("close", () => response.writableFinished || say("closed"));
      const text = answer(message);
      if (text !== undefined) {
        response.writeHead(200, { "content-type": "application/json" }).end(text);
      } else if (message.id === undefined) response.writeHead(202).end();
    });
  });
  server.listen(Number(port), "127.0.0.1", () => process.stdout.write("listening\n"));
}

if (transport === "stdio") overStdio();
else overHttp();
