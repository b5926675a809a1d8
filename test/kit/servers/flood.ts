/**
 * `flood.ts stdio|http`: a legacy server whose tools are `flood` (as many notifications as it is
 * told, as fast as they are taken), `hang` (no answer) and `echo`. With http it prints its URL.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import type { Flood } from "../flood.ts";

interface Request {
  readonly id?: number;
  readonly method: string;
  readonly params?: {
    readonly name?: string;
    readonly arguments?: Partial<Flood>;
    readonly _meta?: { readonly progressToken?: number };
  };
}

/** Resolves when the reader has room again. */
type Write = (text: string) => Promise<void>;

const properties = { count: {}, kind: {}, spaced: {}, odd: {}, everyMs: {} };
const tools = ["flood", "hang", "echo"].map((name) => ({
  name,
  inputSchema: { type: "object", properties },
}));
const version = "2025-11-25";

async function answer(request: Request, write: Write): Promise<void> {
  const { id, method, params } = request;
  if (id === undefined) return;
  const done = (result: object) => write(JSON.stringify({ jsonrpc: "2.0", id, result }));
  if (method === "initialize") {
    const serverInfo = { name: "flood", version: "1" };
    const capabilities = { tools: {}, logging: {} };
    await done({ protocolVersion: version, capabilities, serverInfo });
  } else if (method === "tools/list") await done({ tools });
  else if (method !== "tools/call") await done({});
  else if (params?.name === "flood") {
    await flood(params.arguments ?? {}, params._meta?.progressToken ?? 0, write);
    await done({ content: [{ type: "text", text: "done" }] });
  } else if (params?.name === "echo") await done({ content: [] });
}

async function flood(wanted: Partial<Flood>, token: number, write: Write): Promise<void> {
  const { count = 0, everyMs } = wanted;
  const batch = everyMs === undefined ? 500 : 1;
  for (let from = 0; from < count; from += batch) {
    const notes = Array.from({ length: Math.min(batch, count - from) }, (_, at) =>
      note(wanted, token, from + at + 1),
    );
    await write(notes.join("\n"));
    if (everyMs !== undefined) await pause(everyMs);
  }
}

function note({ kind, spaced, odd }: Partial<Flood>, token: number, progress: number): string {
  const method = `notifications/${kind ?? "progress"}`;
  const params =
    kind === "message"
      ? { level: "info", data: `line ${progress}` }
      : { progressToken: token, progress, total: 1_000_000, message: "still at it" };
  const text = JSON.stringify(
    odd === true ? { params, method, jsonrpc: "2.0" } : { jsonrpc: "2.0", method, params },
  );
  return spaced === true ? text.replaceAll('":', '": ').replaceAll(',"', ', "') : text;
}

function overStdio(): void {
  let rest = "";
  const write: Write = (text) =>
    new Promise((resolve) => process.stdout.write(`${text}\n`, () => resolve()));
  process.stdin.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) void answer(JSON.parse(line) as Request, write);
  });
  process.stdin.on("end", () => process.exit(0));
}

function overHttp(): void {
  const server = createServer(async (request, response) => {
    if (request.method !== "POST") {
      response.writeHead(405).end();
      return;
    }
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const message = JSON.parse(body) as Request;
    if (message.method === "server/discover") {
      response.writeHead(404).end();
      return;
    }
    if (message.id === undefined) {
      response.writeHead(202).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    if (message.params?.name === "hang") return;
    await answer(message, async (text) => {
      const events = text.split("\n").map((data) => `event: message\ndata: ${data}\n\n`);
      if (response.write(events.join("")) || response.destroyed) return;
      await new Promise<void>((resolve) => {
        response.once("drain", resolve);
        response.once("close", resolve);
      });
    });
    response.end();
  });
  server.listen(0, "127.0.0.1", () => {
    process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp\n`);
  });
}

if (process.argv[2] === "http") overHttp();
else overStdio();
