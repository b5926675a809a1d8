/**
 * A canary: an MCP server that writes every byte it gets to a file, so that a test can say that
 * something never arrived, or arrived byte for byte. `bun canary.ts FILE stdio|http`;
 * over HTTP it prints its URL and keeps the bodies, each with a line feed behind it.
 */

import { appendFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import process from "node:process";

const [file = "", transport] = process.argv.slice(2);
writeFileSync(file, "");

const inputSchema = { type: "object", properties: { v: {} } };
const tools = ["take", "guarded", "denied", "asked", "other"].map((name) => ({
  name,
  inputSchema,
}));

/** The answer's text; undefined for a notification. */
function answer(line: string): string | undefined {
  const { id, method }: { id?: number | string; method?: string } = JSON.parse(line);
  if (id === undefined) return undefined;
  const serverInfo = { name: "canary", version: "1" };
  const results: Record<string, unknown> = {
    initialize: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo },
    ping: {},
    "tools/list": { tools },
    "tools/call": { content: [{ type: "text", text: "took it" }] },
  };
  const result = results[method ?? ""];
  const error = { code: -32601, message: `no ${method}` };
  return JSON.stringify({ jsonrpc: "2.0", id, ...(result ? { result } : { error }) });
}

function overStdio(): void {
  let rest = "";
  process.stdin.on("data", (chunk: Buffer) => {
    appendFileSync(file, chunk);
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const text = line === "" ? undefined : answer(line);
      if (text !== undefined) process.stdout.write(`${text}\n`);
    }
  });
  process.stdin.on("end", () => process.exit(0));
}

function overHttp(): void {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.method !== "POST") return void response.writeHead(405).end();
      const body = Buffer.concat(chunks);
      appendFileSync(file, Buffer.concat([body, Buffer.from("\n")]));
      const text = answer(body.toString());
      if (text === undefined) return void response.writeHead(202).end();
      response.writeHead(200, { "content-type": "application/json" }).end(text);
    });
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    process.stdout.write(`http://127.0.0.1:${port}/mcp\n`);
  });
}

if (transport === "stdio") overStdio();
else overHttp();
