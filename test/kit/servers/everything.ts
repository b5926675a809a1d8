/**
 * A server with every feature of MCP, for the conformance suite and the feature tests:
 * `everything.ts http [--era legacy|modern]` prints its URL, or `everything.ts stdio …`.
 * Without `--era` it speaks 2025-11-25 with sessions and 2026-07-28 on the same endpoint.
 */

import { randomUUID } from "node:crypto";
import process from "node:process";
import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  completable,
  createMcpHandler,
  type EventStore,
  hostHeaderValidationResponse,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  McpServer,
  originValidationResponse,
  type RegisteredPrompt,
  type RegisteredTool,
  ResourceTemplate,
  type ServerContext,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { type Era, registerAsks, stateCodec, text } from "./everything-asks.ts";
import { png, registerPlain } from "./everything-plain.ts";

const [kind = "http", ...rest] = process.argv.slice(2);
const flag = rest.indexOf("--era");
const forced = flag < 0 ? undefined : rest[flag + 1];

const watched = "test://watched-resource";

/** Those that are told of changes by their own connection: sessions, and the peer over stdio. */
interface Peer {
  readonly server: McpServer;
  readonly watching: Set<string>;
  readonly tool: RegisteredTool;
  readonly prompt: RegisteredPrompt;
}
const peers = new Set<Peer>();
const modern = createMcpHandler(({ era }) => build(era), { legacy: "reject" });

/** A tool and a prompt that come and go, so that a list really changes when it is said to. */
const present = { tool: false, prompt: false };

function build(era: Era): McpServer {
  const server = new McpServer(
    { name: "everything", version: "1.0.0" },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        logging: {},
        completions: {},
      },
      instructions: "A fixture: every feature of the protocol, nothing useful.",
      requestState: { verify: stateCodec.verify },
    },
  );
  const capabilities = (ctx: ServerContext) => {
    const envelope: Record<string, unknown> = { ...ctx.mcpReq.envelope };
    const declared = envelope[CLIENT_CAPABILITIES_META_KEY];
    return (declared ?? server.server.getClientCapabilities() ?? {}) as ClientCapabilities;
  };
  registerPlain(server, era, capabilities);
  registerAsks(server, era, capabilities);
  registerResources(server);
  registerPrompts(server);
  const { tool, prompt } = registerChanges(server);
  const watching = new Set<string>();
  server.server.setRequestHandler("resources/subscribe", ({ params }) => {
    watching.add(params.uri);
    return {};
  });
  server.server.setRequestHandler("resources/unsubscribe", ({ params }) => {
    watching.delete(params.uri);
    return {};
  });
  if (era === "legacy" || kind === "stdio") {
    const peer = { server, watching, tool, prompt };
    peers.add(peer);
    server.server.onclose = () => peers.delete(peer);
  }
  return server;
}

function registerResources(server: McpServer): void {
  const body = (uri: string, mimeType: string, value: string) => ({
    contents: [{ uri, mimeType, text: value }],
  });
  const type = { mimeType: "text/plain" };
  server.registerResource("static-text", "test://static-text", type, ({ href }) =>
    body(href, "text/plain", "This is the content of the static text resource."),
  );
  const image = { mimeType: "image/png" };
  server.registerResource("static-binary", "test://static-binary", image, ({ href }) => ({
    contents: [{ uri: href, mimeType: "image/png", blob: png }],
  }));
  server.registerResource("watched", watched, type, ({ href }) =>
    body(href, "text/plain", "Watched content"),
  );
  const complete = {
    id: (value: string) => ["123", "124", "200"].filter((id) => id.startsWith(value)),
  };
  const template = new ResourceTemplate("test://template/{id}/data", { list: undefined, complete });
  server.registerResource(
    "template",
    template,
    { mimeType: "application/json" },
    ({ href }, { id }) =>
      body(
        href,
        "application/json",
        JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
      ),
  );
}

function registerPrompts(server: McpServer): void {
  const user = (content: { type: "text"; text: string }) => ({ role: "user" as const, content });
  const say = (value: string) => user({ type: "text", text: value });
  server.registerPrompt("test_simple_prompt", { description: "A text" }, () => ({
    messages: [say("This is a simple prompt for testing.")],
  }));
  const places = (value: string) => ["paris", "park", "party"].filter((p) => p.startsWith(value));
  server.registerPrompt(
    "test_prompt_with_arguments",
    {
      description: "Uses its arguments",
      argsSchema: z.object({ arg1: completable(z.string(), places), arg2: z.string() }),
    },
    ({ arg1, arg2 }) => ({
      messages: [say(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)],
    }),
  );
  server.registerPrompt(
    "test_prompt_with_embedded_resource",
    { description: "Embeds a resource", argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => ({
      messages: [
        {
          role: "user",
          content: {
            type: "resource",
            resource: {
              uri: resourceUri,
              mimeType: "text/plain",
              text: "Embedded resource content for testing.",
            },
          },
        },
        say("Please process the embedded resource above."),
      ],
    }),
  );
  server.registerPrompt("test_prompt_with_image", { description: "Has an image" }, () => ({
    messages: [
      { role: "user", content: { type: "image", data: png, mimeType: "image/png" } },
      say("Please analyze the image above."),
    ],
  }));
}

/** Tools that change what the server has, and tell every peer. */
function registerChanges(server: McpServer): Pick<Peer, "tool" | "prompt"> {
  const change = (name: string, what: () => void) =>
    server.registerTool(
      name,
      { description: "Changes something and says so", inputSchema: z.object({}) },
      () => {
        what();
        return text("changed");
      },
    );
  change("test_trigger_tool_change", () => {
    present.tool = !present.tool;
    modern.notify.toolsChanged();
    for (const peer of peers) peer.tool.update({ enabled: present.tool });
  });
  change("test_trigger_prompt_change", () => {
    present.prompt = !present.prompt;
    modern.notify.promptsChanged();
    for (const peer of peers) peer.prompt.update({ enabled: present.prompt });
  });
  change("test_trigger_resource_update", () => {
    modern.notify.resourceUpdated(watched);
    for (const { server: peer, watching } of peers) {
      const told = kind === "stdio" || watching.has(watched);
      if (told) void peer.server.sendResourceUpdated({ uri: watched });
    }
  });
  const description = "Came with a change";
  const inputSchema = z.object({});
  const tool = server.registerTool("test_comes_and_goes", { description, inputSchema }, () =>
    text("here"),
  );
  if (!present.tool) tool.disable();
  const prompt = server.registerPrompt("test_prompt_comes_and_goes", { description }, () => ({
    messages: [],
  }));
  if (!present.prompt) prompt.disable();
  return { tool, prompt };
}

/** Events of all streams in order, the oldest dropped. */
function eventStore(): EventStore {
  const events: { id: string; stream: string; message: Parameters<EventStore["storeEvent"]>[1] }[] =
    [];
  let count = 0;
  return {
    async storeEvent(stream, message) {
      const id = `${stream}/${++count}`;
      events.push({ id, stream, message });
      if (events.length > 1_000) events.shift();
      return id;
    },
    async replayEventsAfter(last, { send }) {
      const at = events.findIndex(({ id }) => id === last);
      const stream = events[at]?.stream ?? "";
      for (const event of events.slice(at + 1)) {
        const empty = Object.keys(event.message).length === 0;
        if (event.stream === stream && !empty) await send(event.id, event.message);
      }
      return stream;
    },
  };
}

const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();

async function legacy(request: Request): Promise<Response> {
  const session = request.headers.get("mcp-session-id");
  const known = session === null ? undefined : sessions.get(session);
  if (known !== undefined) {
    const response = await known.handleRequest(request);
    return request.method === "GET" ? begun(response) : response;
  }
  if (session !== null) return new Response("No such session", { status: 404 });
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: eventStore(),
    retryInterval: 50,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
  });
  const server = build("legacy");
  await server.connect(transport);
  const response = await transport.handleRequest(request);
  if (transport.sessionId === undefined) await server.close();
  return response;
}

/** Bun sends the head of a response with the first byte of its body. */
function begun(response: Response): Response {
  if (response.body === null) return response;
  const body = new TransformStream<Uint8Array, Uint8Array>({
    start: (controller) => controller.enqueue(Buffer.from(": open\n\n")),
  });
  return new Response(response.body.pipeThrough(body), response);
}

async function answer(request: Request): Promise<Response> {
  const refused =
    hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
    originValidationResponse(request, localhostAllowedOrigins());
  if (refused !== undefined) return refused;
  const old = forced === "legacy" || (forced !== "modern" && (await isLegacyRequest(request)));
  return old ? legacy(request) : modern.fetch(request);
}

if (kind === "stdio") {
  if (forced === "legacy") await build("legacy").connect(new StdioServerTransport());
  else serveStdio(({ era }) => build(era), { legacy: forced === "modern" ? "reject" : "serve" });
} else {
  const listening = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: answer });
  process.stdout.write(`http://127.0.0.1:${listening.port}/mcp\n`);
}
