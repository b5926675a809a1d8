/**
 * `torrent.ts http|stdio KIND`: a legacy server that, from its handshake on, tells or asks KIND as
 * fast as it is taken, beside its calls, which it answers. With http on its GET stream; it prints
 * its URL. KIND: list, updated, ping, odd (the method last), comments.
 */

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";

interface Request {
  readonly id?: number;
  readonly method?: string;
}

const [over = "http", kind = "list"] = process.argv.slice(2);
const tool = { name: "echo", inputSchema: { type: "object" } };
const capabilities = { tools: { listChanged: true }, resources: { subscribe: true } };
const serverInfo = { name: "torrent", version: "1" };
const results: Readonly<Record<string, object>> = {
  initialize: { protocolVersion: "2025-11-25", capabilities, serverInfo },
  "tools/list": { tools: [tool] },
  "tools/call": { content: [{ type: "text", text: "ok" }] },
  "resources/list": { resources: [] },
  "resources/templates/list": { resourceTemplates: [] },
};

let count = 0;
function next(): string {
  count += 1;
  if (kind === "updated") {
    const params = { uri: `note:///${count % 3}` };
    return told("notifications/resources/updated", params);
  }
  if (kind === "ping") return JSON.stringify({ jsonrpc: "2.0", id: `p${count}`, method: "ping" });
  const method = "notifications/tools/list_changed";
  if (kind === "odd") return JSON.stringify({ params: {}, method, jsonrpc: "2.0" });
  return told(method);
}

function told(method: string, params?: object): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params });
}

function answer({ id, method = "" }: Request): string | undefined {
  if (id === undefined || method === "") return undefined;
  return JSON.stringify({ jsonrpc: "2.0", id, result: results[method] ?? {} });
}

async function pour(write: (text: string) => Promise<unknown>, frame: (text: string) => string) {
  for (;;) {
    const texts = Array.from({ length: 500 }, () =>
      kind === "comments" ? ": c\n" : frame(next()),
    );
    await write(texts.join(""));
    // What else there is to do has its turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function overStdio(): void {
  let rest = "";
  const write = (text: string) => new Promise((resolve) => process.stdout.write(text, resolve));
  process.stdin.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const request = JSON.parse(line) as Request;
      const text = answer(request);
      if (text !== undefined) process.stdout.write(`${text}\n`);
      if (request.method === "notifications/initialized") void pour(write, (one) => `${one}\n`);
    }
  });
  process.stdin.on("end", () => process.exit(0));
}

function overHttp(): void {
  const server = createServer(async (request, response) => {
    if (request.method === "GET") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      void pour(
        (text) => written(response, text),
        (one) => `data: ${one}\n\n`,
      );
      return;
    }
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const message = (body === "" ? {} : JSON.parse(body)) as Request;
    const text = message.method === "server/discover" ? undefined : answer(message);
    if (text === undefined) {
      response.writeHead(message.method === "server/discover" ? 404 : 202).end();
      return;
    }
    response.writeHead(200, { "content-type": "application/json" }).end(text);
  });
  server.listen(0, "127.0.0.1", () => {
    process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp\n`);
  });
}

async function written(response: ServerResponse, text: string): Promise<void> {
  if (response.destroyed) return new Promise(() => undefined);
  if (response.write(text)) return;
  await new Promise<void>((resolve) => {
    response.once("drain", resolve);
    response.once("close", resolve);
  });
}

if (over === "stdio") overStdio();
else overHttp();
