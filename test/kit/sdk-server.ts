/** Servers built with the SDKs: `v1-http PORT [no-changes]`, `v2-http PORT`, `v2-stdio`. */

import { randomUUID } from "node:crypto";
import process from "node:process";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

const [kind, port, option] = process.argv.slice(2);

function oldServer(): Server {
  const capabilities = { tools: option === "no-changes" ? {} : { listChanged: true } };
  const server = new Server({ name: "v1", version: "1" }, { capabilities });
  const inputSchema = { type: "object" as const };
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: "echo", inputSchema }],
  }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
    content: [{ type: "text", text: JSON.stringify(params.arguments) }],
  }));
  return server;
}

const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();

/** As the SDK's own examples: a transport for each session, 404 for an unknown one. */
async function oldFetch(request: Request): Promise<Response> {
  const session = request.headers.get("mcp-session-id");
  if (session !== null) {
    const known = sessions.get(session);
    return known?.handleRequest(request) ?? new Response("Session not found", { status: 404 });
  }
  const transport: WebStandardStreamableHTTPServerTransport =
    new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
  await oldServer().connect(transport);
  return transport.handleRequest(request);
}

const added: string[] = [];

function newServer(changed: () => void): McpServer {
  const server = new McpServer({ name: "v2", version: "1" });
  const say = (text: string) => ({ content: [{ type: "text" as const, text }] });
  const add = (name: string) =>
    server.registerTool(name, { description: "added", inputSchema: z.object({}) }, () => say(name));
  for (const name of added) add(name);
  server.registerTool(
    "echo",
    { description: "echo", inputSchema: z.object({ text: z.string() }) },
    ({ text }) => say(text),
  );
  server.registerTool("add_tool", { description: "adds", inputSchema: z.object({}) }, () => {
    added.push(`added_${added.length}`);
    if (kind === "v2-stdio") add(added.at(-1)!);
    setTimeout(changed, 20);
    return say("added");
  });
  return server;
}

if (kind === "v1-http") {
  Bun.serve({ hostname: "127.0.0.1", port: Number(port), idleTimeout: 0, fetch: oldFetch });
  console.log("listening");
} else if (kind === "v2-http") {
  const handler = createMcpHandler(() => newServer(() => handler.notify.toolsChanged()), {
    legacy: "reject",
  });
  Bun.serve({
    hostname: "127.0.0.1",
    port: Number(port),
    idleTimeout: 0,
    fetch: (request) => handler.fetch(request),
  });
  console.log("listening");
} else if (kind === "v2-stdio") {
  serveStdio(() => newServer(() => undefined), { legacy: "reject" });
}
