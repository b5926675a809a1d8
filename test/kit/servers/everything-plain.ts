/** What the everything server gives without asking back: contents, logs, progress, waiting. */

import process from "node:process";
import {
  type CallToolResult,
  fromJsonSchema,
  inputRequired,
  type McpServer,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { type Capabilities, type Era, sample, text } from "./everything-asks.ts";

/** A red pixel. */
export const png = [
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADU",
  "lEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==",
].join("");
const mirrored = {
  type: "object" as const,
  properties: { region: { type: "string" as const, "x-mcp-header": "Region" } },
  required: ["region"],
};
/** A sound of no length. */
const wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

export function registerPlain(server: McpServer, era: Era, capabilities: Capabilities): void {
  registerContents(server);
  registerRunning(server);
  registerSchemas(server);
  server.registerTool(
    "test_missing_capability",
    { description: "Needs a client that samples", inputSchema: z.object({}) },
    // The SDK answers with -32021 where the client's request does not declare sampling.
    (_args, ctx) =>
      ctx.mcpReq.inputResponses === undefined
        ? inputRequired({ inputRequests: { model: sample("Say hello", 20) } })
        : text("The client samples."),
  );
  server.registerTool(
    "test_seen_client",
    { description: "Says how it sees its client", inputSchema: z.object({}) },
    (_args, ctx) => text(JSON.stringify({ era, capabilities: capabilities(ctx) })),
  );
}

function registerContents(server: McpServer): void {
  const plain = (name: string, description: string, result: () => CallToolResult) =>
    server.registerTool(name, { description, inputSchema: z.object({}) }, result);
  plain("test_simple_text", "A text", () => text("This is a simple text response for testing."));
  plain("test_image_content", "An image", () => ({
    content: [{ type: "image", data: png, mimeType: "image/png" }],
  }));
  plain("test_audio_content", "A sound", () => ({
    content: [{ type: "audio", data: wav, mimeType: "audio/wav" }],
  }));
  plain("test_embedded_resource", "A resource", () => ({
    content: [
      {
        type: "resource",
        resource: {
          uri: "test://embedded-resource",
          mimeType: "text/plain",
          text: "This is an embedded resource content.",
        },
      },
    ],
  }));
  plain("test_multiple_content_types", "A text, an image and a resource", () => ({
    content: [
      { type: "text", text: "Multiple content types test:" },
      { type: "image", data: png, mimeType: "image/png" },
      {
        type: "resource",
        resource: {
          uri: "test://mixed-content-resource",
          mimeType: "application/json",
          text: JSON.stringify({ test: "data", value: 123 }),
        },
      },
    ],
  }));
  plain("test_error_handling", "Fails", () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
}

/** A gateway answers as a stream only what takes long: `--reconnect MS` makes it so. */
const reconnectAt = process.argv.indexOf("--reconnect");
const reconnectMs = reconnectAt < 0 ? 100 : Number(process.argv[reconnectAt + 1]);

let cancelled = 0;

function registerRunning(server: McpServer): void {
  const log = async (_args: unknown, ctx: ServerContext) => {
    for (const step of ["started", "processing data", "completed"]) {
      await ctx.mcpReq.log("info", `Tool execution ${step}`, "everything");
      await Bun.sleep(50);
    }
    return text("Logged three times.");
  };
  for (const name of ["test_tool_with_logging", "test_logging_tool"]) {
    server.registerTool(name, { description: "Logs as it works", inputSchema: z.object({}) }, log);
  }
  server.registerTool(
    "test_tool_with_progress",
    { description: "Tells how far it is", inputSchema: z.object({}) },
    async (_args, ctx) => {
      const progressToken = ctx.mcpReq._meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        const params = { progressToken: progressToken ?? 0, progress, total: 100 };
        if (progressToken !== undefined) {
          await ctx.mcpReq.notify({ method: "notifications/progress", params });
        }
        await Bun.sleep(50);
      }
      return text("Did three steps.");
    },
  );
  server.registerTool(
    "test_reconnection",
    { description: "Closes its stream before it answers", inputSchema: z.object({}) },
    async (_args, ctx) => {
      ctx.http?.closeSSE?.();
      await Bun.sleep(reconnectMs);
      return text("Answered after the stream was closed.");
    },
  );
  server.registerTool(
    "test_wait",
    { description: "Waits for its end or its cancellation", inputSchema: z.object({}) },
    async (_args, ctx) => {
      const { signal } = ctx.mcpReq;
      for (let i = 0; i < 3_000 && !signal.aborted; i++) await Bun.sleep(10);
      if (signal.aborted) cancelled++;
      return text(signal.aborted ? "cancelled" : "waited");
    },
  );
  server.registerTool(
    "test_cancelled",
    { description: "Counts cancelled waits", inputSchema: z.object({}) },
    () => text(String(cancelled)),
  );
}

function registerSchemas(server: McpServer): void {
  server.registerTool(
    "json_schema_2020_12_tool",
    {
      description: "Tool with JSON Schema 2020-12 features",
      inputSchema: fromJsonSchema<object>({
        $schema: "https://json-schema.org/draft/2020-12/schema",
        type: "object",
        $defs: {
          address: {
            $anchor: "addressDef",
            type: "object",
            properties: { street: { type: "string" }, city: { type: "string" } },
          },
        },
        properties: {
          name: { type: "string" },
          address: { $ref: "#/$defs/address" },
          contactMethod: { type: "string", enum: ["phone", "email"] },
          phone: { type: "string" },
          email: { type: "string" },
        },
        allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
        if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
        // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
        then: { required: ["phone"] },
        else: { required: ["email"] },
        additionalProperties: false,
      }),
    },
    (args) => text(JSON.stringify(args)),
  );
  server.registerTool(
    "test_mirrored_header",
    {
      description: "Has an argument that is mirrored in a header",
      inputSchema: fromJsonSchema<{ region: string }>(mirrored),
    },
    ({ region }) => text(`Region: ${region}`),
  );
}
