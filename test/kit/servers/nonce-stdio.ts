/**
 * A stdio MCP server for proofs: `nonce` answers its argument after a progress notification that
 * carries it too, in a shuffled order, so that any mix-up of ids or tokens shows.
 */

import process from "node:process";

interface Request {
  readonly id?: number;
  readonly method: string;
  readonly params?: {
    readonly protocolVersion?: string;
    readonly name?: string;
    readonly arguments?: { readonly nonce?: string; readonly ms?: number };
    readonly _meta?: { readonly progressToken?: number };
  };
}

const schema = {
  type: "object",
  properties: { nonce: { type: "string" }, ms: { type: "number" } },
};

/** `nonce`, and as many more as the first argument says. */
const more = Array.from({ length: Number(process.argv[2] ?? 0) }, (_, n) => `nonce${n}`);
const tools = ["nonce", ...more].map((name) => ({ name, inputSchema: schema }));

function send(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
}

function answer({ id, method, params }: Request): void {
  if (id === undefined) return;
  if (method === "initialize") {
    const serverInfo = { name: "nonce", version: "1" };
    const protocolVersion = params?.protocolVersion ?? "2025-11-25";
    send({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo } });
  } else if (method === "tools/list") {
    send({ id, result: { tools } });
  } else if (method === "tools/call") call(id, params);
  else send({ id, error: { code: -32601, message: `no ${method}` } });
}

function call(id: number, params: Request["params"]): void {
  const nonce = params?.arguments?.nonce ?? "";
  const progressToken = params?._meta?.progressToken;
  if (progressToken !== undefined) {
    const progress = { progressToken, progress: 1, message: nonce };
    send({ method: "notifications/progress", params: progress });
  }
  const result = { content: [{ type: "text", text: nonce }] };
  const ms = params?.arguments?.ms ?? Math.random() * 3;
  setTimeout(() => send({ id, result }), ms);
}

let rest = "";
process.stdin.on("data", (chunk) => {
  const lines = (rest + String(chunk)).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) if (line !== "") answer(JSON.parse(line));
});
process.stdin.on("end", () => process.exit(0));
