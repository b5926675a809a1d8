/** A real agent: the SDK's client over Streamable HTTP. */

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";

export interface DemoAgent {
  tools(): Promise<readonly string[]>;
  call(name: string, args: Record<string, unknown>): Promise<Answer>;
  /** Repeats while the answer is a failure: a server that restarts needs a moment. */
  callUntilOk(name: string, args: Record<string, unknown>, ms: number): Promise<Answer>;
  close(): Promise<void>;
}

export interface Answer {
  readonly failed: boolean;
  readonly text: string;
}

export async function demoAgent(url: string, token: string): Promise<DemoAgent> {
  const client = new Client({ name: "demo-agent", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
    requestInit: { headers: { Authorization: `Bearer ${token}` } },
  });
  // The SDK's own types are not written for exactOptionalPropertyTypes.
  await client.connect(transport as Transport);
  const call = async (name: string, args: Record<string, unknown>): Promise<Answer> => {
    const result = await client.callTool({ name, arguments: args });
    const content = Array.isArray(result.content) ? result.content : [];
    const text = content.map((part: { text?: unknown }) => String(part.text)).join("\n");
    return { failed: result.isError === true, text };
  };
  return {
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call,
    async callUntilOk(name, args, ms) {
      const until = performance.now() + ms;
      for (;;) {
        const answer = await call(name, args);
        if (!answer.failed || performance.now() > until) return answer;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
    close: () => client.close(),
  };
}
