/**
 * The client that the conformance suite starts with the URL of its server: a gateway with that
 * server behind, and an agent of SDK v2 in front that does what the scenario asks for.
 */

import process from "node:process";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { startGateway } from "../kit/gateway.ts";

const url = process.argv.at(-1) ?? "";
const scenario = process.env["MCP_CONFORMANCE_SCENARIO"] ?? "";
const modern = process.env["MCP_CONFORMANCE_PROTOCOL_VERSION"] === "2026-07-28";
const context = JSON.parse(process.env["MCP_CONFORMANCE_CONTEXT"] ?? "{}") as {
  readonly toolCalls?: readonly Call[];
};

interface Call {
  readonly name: string;
  readonly arguments?: Record<string, unknown>;
}

await using gateway = process.argv.includes("--direct")
  ? undefined
  : await startGateway({
      config: { auth: "none", naming: "bare", servers: { s: { url } } },
      policy: "id: all\nrules:\n  - id: all\n    effect: allow\n    methods: ['*']\n",
    });
const agent = new Client(
  { name: "conformance-agent", version: "1.0.0" },
  {
    capabilities: {
      elicitation: { form: { applyDefaults: true }, url: {} },
      sampling: {},
      roots: { listChanged: true },
    },
    versionNegotiation: { mode: modern ? { pin: "2026-07-28" } : "legacy" },
  },
);
agent.setRequestHandler("elicitation/create", ({ params }) => {
  const confirms = "requestedSchema" in params && "confirmed" in params.requestedSchema.properties;
  return { action: "accept", content: confirms ? { confirmed: true } : {} };
});
agent.setRequestHandler("sampling/createMessage", () => ({
  role: "assistant",
  model: "none",
  content: { type: "text", text: "A sampled answer" },
}));
agent.setRequestHandler("roots/list", () => ({ roots: [{ uri: "file:///work", name: "work" }] }));
const endpoint = gateway === undefined ? new URL(url) : new URL("/mcp", gateway.url);
await agent.connect(new StreamableHTTPClientTransport(endpoint));

const { tools } = await agent.listTools();
for (const call of calls()) {
  const definition = tools.find(({ name }) => name === call.name);
  // A refused call is for the suite to judge, the rest must still be made.
  await agent
    .callTool({ ...call }, definition === undefined ? {} : { toolDefinition: definition })
    .catch((error: unknown) => process.stderr.write(`${call.name}: ${String(error)}\n`));
}
if (scenario === "http-standard-headers") {
  for (const { uri } of (await agent.listResources()).resources) await agent.readResource({ uri });
  for (const { name } of (await agent.listPrompts()).prompts) await agent.getPrompt({ name });
}
await agent.close();

/** What the scenario names, else every listed tool with arguments of the kinds its schema wants. */
function calls(): readonly Call[] {
  if (context.toolCalls !== undefined) return context.toolCalls;
  if (scenario === "json-schema-ref-no-deref") return [];
  if (scenario === "json-schema-2020-12-preservation") {
    const rich = tools.find(({ name }) => name === "json_schema_2020_12_tool");
    return [{ name: "json_schema_echo", arguments: { schema: rich?.inputSchema } }];
  }
  return tools.map(({ name, inputSchema }) => {
    const properties = Object.entries(inputSchema.properties ?? {});
    const made = properties.map(([key, schema]) => [key, sampleOf(schema)]);
    return { name, arguments: Object.fromEntries(made) as Record<string, unknown> };
  });
}

function sampleOf(schema: unknown): unknown {
  const { type } = schema as { readonly type?: string };
  if (type === "number" || type === "integer") return 5;
  if (type === "boolean") return true;
  if (type === "object") return {};
  if (type === "array") return [];
  return type === "null" ? null : "text";
}
