/** An MCP server that speaks only 2026-07-28, over HTTP: `bun modern.ts` prints its URL. */

import process from "node:process";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";

const handler = createMcpHandler(
  () => {
    const server = new McpServer({ name: "modern", version: "1.0.0" });
    server.registerTool(
      "echo",
      { description: "Answers its message", inputSchema: z.object({ message: z.string() }) },
      async ({ message }) => ({ content: [{ type: "text", text: `Echo: ${message}` }] }),
    );
    server.registerTool(
      "add",
      { description: "Adds", inputSchema: z.object({ a: z.number(), b: z.number() }) },
      async ({ a, b }) => ({
        content: [{ type: "text", text: String(a + b) }],
        structuredContent: { sum: a + b },
      }),
    );
    server.registerTool(
      "fail",
      { description: "Always fails", inputSchema: z.object({}) },
      async () => ({ content: [{ type: "text", text: "failed as asked" }], isError: true }),
    );
    return server;
  },
  { legacy: "reject" },
);

const listening = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  idleTimeout: 0,
  fetch: (request) => handler.fetch(request),
});
process.stdout.write(`http://127.0.0.1:${listening.port}/mcp\n`);
