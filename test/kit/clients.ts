/** Real agents: the clients of both SDKs over Streamable HTTP with a key. */

import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";

/** A connected client of SDK v1: 2025-11-25 with a session. `url` is the gateway's own. */
export async function legacyAgent(url: string, token: string): Promise<Client> {
  const client = new Client({ name: "test-legacy", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL("/mcp", url), {
    requestInit: { headers: { Authorization: `Bearer ${token}` } },
  });
  // The SDK's types are not written for exactOptionalPropertyTypes.
  await client.connect(transport as Transport);
  return client;
}

/** A connected client of SDK v2, pinned to 2026-07-28. */
export async function modernAgent(url: string, token: string): Promise<ModernClient> {
  const client = new ModernClient(
    { name: "test-modern", version: "1.0.0" },
    { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  const transport = new ModernTransport(new URL("/mcp", url), {
    requestInit: { headers: { Authorization: `Bearer ${token}` } },
  });
  await client.connect(transport);
  return client;
}

/** The text of a tool's answer, its parts one a line. */
export function textOf(result: unknown): string {
  const { content } = result as { content?: readonly { text?: unknown }[] };
  return (content ?? []).map((part) => String(part.text)).join("\n");
}
