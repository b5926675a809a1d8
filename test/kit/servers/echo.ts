/**
 * The bench's MCP server, 2025-11-25 with sessions: `bun echo.ts http [port]` prints its URL,
 * `bun echo.ts stdio` speaks newline JSON. Calls of `echo` are answered by template, without
 * parsing, so that the server costs as little as a server can.
 */

import process from "node:process";

const tools = [
  {
    name: "echo",
    description: "Answers its arguments",
    inputSchema: {
      type: "object",
      properties: { text: { type: "string" }, data: { type: "array" }, end: { type: "number" } },
      required: ["text"],
    },
  },
];

if (process.argv[2] === "stdio") serveStdio();
else serveHttp(Number(process.argv[3] ?? 0));

function serveHttp(port: number): void {
  const sessions = new Set<string>();
  const json = { "Content-Type": "application/json" };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    idleTimeout: 0,
    maxRequestBodySize: 64 * 1024 * 1024,
    async fetch(request) {
      if (request.method === "DELETE") return new Response(null, { status: 200 });
      if (request.method !== "POST") return new Response(null, { status: 405 });
      const body = Buffer.from(await request.arrayBuffer());
      const session = request.headers.get("mcp-session-id");
      if (session !== null && sessions.has(session)) {
        const answer = answerTo(body);
        if (answer === undefined) return new Response(null, { status: 202 });
        return new Response(answer, { headers: json });
      }
      if (session !== null) return new Response(null, { status: 404 });
      if (!body.includes('"initialize"')) return new Response(null, { status: 400 });
      const made = crypto.randomUUID();
      sessions.add(made);
      return new Response(answerTo(body), { headers: { ...json, "Mcp-Session-Id": made } });
    },
  });
  process.stdout.write(`http://127.0.0.1:${server.port}/mcp\n`);
}

function serveStdio(): void {
  let rest: Buffer[] = [];
  let queued: Buffer[] = [];
  const flush = (): void => {
    process.stdout.write(Buffer.concat(queued));
    queued = [];
  };
  process.stdin.on("data", (chunk: Buffer) => {
    let at = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, at)) {
      const line = Buffer.concat([...rest, chunk.subarray(at, end)]);
      rest = [];
      at = end + 1;
      const answer = line.length === 0 ? undefined : answerTo(line);
      if (answer === undefined) continue;
      if (queued.length === 0) queueMicrotask(flush);
      queued.push(answer, newline);
    }
    if (at < chunk.length) rest.push(Buffer.from(chunk.subarray(at)));
  });
  process.stdin.on("end", () => process.exit(0));
}

const newline = Buffer.from("\n");

/** The answer's bytes; undefined for a notification. */
function answerTo(body: Buffer): Buffer<ArrayBuffer> | undefined {
  return echoAnswer(body) ?? otherAnswer(body);
}

/** A call as the bench writes it: no escapes in the text, `"end":1}` after dense arguments. */
function echoAnswer(body: Buffer): Buffer<ArrayBuffer> | undefined {
  const args = body.indexOf('"arguments":{"text":"');
  if (args === -1 || !body.includes('"tools/call"')) return undefined;
  const head = body.toString("latin1", 0, 80);
  const id =
    /^\{"jsonrpc":"2\.0",(?:"method":"tools\/call",)?"id":(\d+|"[^"\\]*")/.exec(head)?.[1] ??
    /"id":(\d+|"[^"\\]*")\}\s*$/.exec(body.toString("latin1", Math.max(0, body.length - 100)))?.[1];
  const text = args + 21;
  const textEnd = body.indexOf('"', text);
  if (id === undefined || textEnd === -1) return undefined;
  const parts: Buffer[] = [
    Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"`),
    body.subarray(text, textEnd),
  ];
  const dense = body[textEnd + 1] === 0x2c ? body.indexOf('"end":1}', textEnd) : -1;
  if (dense === -1) parts.push(Buffer.from('"}]}}'));
  else {
    parts.push(Buffer.from('"}],"structuredContent":'));
    parts.push(body.subarray(args + 12, dense + 8), Buffer.from("}}"));
  }
  return Buffer.concat(parts);
}

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly arguments?: { readonly text?: unknown } };
}

function otherAnswer(body: Buffer): Buffer<ArrayBuffer> | undefined {
  const { id, method, params } = JSON.parse(body.toString()) as Message;
  if (id === undefined) return undefined;
  const results: Record<string, unknown> = {
    initialize: {
      protocolVersion: "2025-11-25",
      capabilities: { tools: {} },
      serverInfo: { name: "echo", version: "1.0.0" },
    },
    ping: {},
    "tools/list": { tools },
    "tools/call": { content: [{ type: "text", text: String(params?.arguments?.text) }] },
  };
  const result = results[method ?? ""];
  const error = { code: -32601, message: `No method ${method}` };
  const answer = result === undefined ? { error } : { result };
  return Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
}
