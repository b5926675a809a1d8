/** A gateway as anybody would write it with SDK v1: `bun sdk-gateway.ts UPSTREAM`, prints URL. */

import process from "node:process";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const upstream = process.argv[2] ?? "";
const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();

const listening = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  maxRequestBodySize: 64 * 1024 * 1024,
  async fetch(request) {
    const session = request.headers.get("mcp-session-id");
    const transport = session === null ? await open() : sessions.get(session);
    return transport?.handleRequest(request) ?? new Response(null, { status: 404 });
  },
});
process.stdout.write(`http://127.0.0.1:${listening.port}/mcp\n`);

async function open(): Promise<WebStandardStreamableHTTPServerTransport> {
  const client = new Client({ name: "sdk-gateway", version: "1.0.0" });
  // The SDK's types are not written for exactOptionalPropertyTypes.
  await client.connect(new StreamableHTTPClientTransport(new URL(upstream)) as Transport);
  const server = new Server(
    { name: "sdk-gateway", version: "1.0.0" },
    { capabilities: { tools: {} } },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => client.listTools());
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => client.callTool(params));
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => crypto.randomUUID(),
    enableJsonResponse: true,
    onsessioninitialized: (id) => {
      sessions.set(id, transport);
    },
  });
  await server.connect(transport as Transport);
  return transport;
}
