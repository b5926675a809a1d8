/** `authensor-gw tools call`: one call through the front door, as an agent would make it. */

import { adminClient } from "../admin/client.ts";
import { type ListedTool, paths } from "../admin/contract.ts";
import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { version } from "../base/version.ts";
import type { Config } from "../gateway/config-model.ts";
import type { Invocation } from "./command.ts";
import { needConfig } from "./context.ts";
import { argumentsOption } from "./json-option.ts";
import { findKey } from "./key.ts";
import { needTarget } from "./target.ts";

/** Exit 0 answered, 1 denied or a tool error, 69 not reached. */
export async function run(call: Invocation): Promise<number> {
  const target = needTarget(call.args[0]);
  const args = argumentsOption(call);
  const named = call.options.text("url");
  const config = named === undefined ? needConfig(call) : undefined;
  const url = config === undefined ? String(named) : frontUrl(config);
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import(
    "@modelcontextprotocol/sdk/client/streamableHttp.js"
  );
  const client = new Client({ name: "authensor-gw-cli", version });
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: headersFor(call) },
  });
  call.io.err(`→ gateway ${url}`);
  try {
    // The SDK's own classes disagree under exactOptionalPropertyTypes.
    await client.connect(transport as Parameters<typeof client.connect>[0]);
    const name = await exposedName(config, target);
    const result = await client.callTool({ name, arguments: args });
    showResult(call, result as { content?: unknown; isError?: unknown });
    return result["isError"] === true ? 1 : 0;
  } catch (thrown) {
    throw callFault(url, thrown);
  } finally {
    await client.close();
  }
}

/** The gateway knows the name for agents; where its socket is closed to us, the usual form. */
async function exposedName(config: Config | undefined, target: string): Promise<string> {
  const usual = target.replace("/", "__");
  if (config === undefined || config.naming === "prefix") return usual;
  try {
    const client = adminClient({ socket: config.admin.socket });
    const tools = await client.get<readonly ListedTool[]>(paths.tools);
    return tools.find((tool) => tool.tool === target)?.exposed ?? usual;
  } catch {
    return usual; // the call itself will say what is wrong
  }
}

function frontUrl(config: Config): string {
  const { host, port } = config.listen;
  const scheme = config.tls === undefined ? "http" : "https";
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  return `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}/mcp`;
}

function headersFor(call: Invocation): Record<string, string> {
  const key = findKey(call);
  // admin.key is no executor's: sending it would only be refused.
  if (key === undefined || key.from === "admin.key") return {};
  return { authorization: `Bearer ${key.token}` };
}

function showResult(call: Invocation, result: { content?: unknown }): void {
  if (call.options.has("json")) {
    call.io.out(JSON.stringify(result));
    return;
  }
  const content = Array.isArray(result.content) ? result.content : [];
  for (const item of content as Record<string, unknown>[]) {
    const { text } = item;
    if (typeof text !== "string") call.io.out(`(${String(item["type"])}, --json shows it)`);
    else for (const line of text.split("\n")) call.io.out(printable(line));
  }
}

function callFault(url: string, thrown: unknown): Error {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const status =
    typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : 0;
  if (status === 401) {
    return fault("GW_KEY_MISSING", {
      message: "The gateway did not take the key",
      cause: text,
      fix: "name an executor key with --key-file or $AUTHENSOR_GW_KEY",
    });
  }
  if (status === 403) return fault("GW_ROLE", { message: "The gateway refused", cause: text });
  if (typeof status === "number" && status < 0) {
    return fault("GW_PARAMS", { message: "The call failed", cause: text });
  }
  return fault("GW_NOT_RUNNING", { message: `Cannot call through ${url}`, cause: text });
}
