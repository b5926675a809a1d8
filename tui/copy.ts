/**
 * What can be copied of a row, as text. curl never holds a token: it names `$AUTHENSOR_GW_KEY`.
 * Arguments are not kept by the gateway, only their digest: their place is left to fill.
 */

import type { LiveCall } from "../src/admin/contract.ts";
import { printable } from "../src/base/printable.ts";
import type { Scene, ScreenId } from "./screen.ts";

export interface CopyChoice {
  readonly key: string;
  /** In the menu, and in the message when it is done. */
  readonly label: string;
  readonly text: string;
}

export function copyChoices(
  scene: Scene,
  screen: ScreenId,
  id: string,
  url: string,
): readonly CopyChoice[] {
  const { live } = scene;
  if (screen === "calls") {
    const call = [...live.running, ...live.recent].find((one) => one.id === id);
    return call === undefined ? [] : callChoices(call, url);
  }
  if (screen === "servers") {
    const server = live.servers.find((one) => one.id === id);
    return [
      { key: "j", label: "the server as JSON", text: json(server ?? { id }) },
      { key: "g", label: "authensor-gw tools list", text: "authensor-gw tools list" },
      { key: "i", label: "its name", text: id },
    ];
  }
  if (screen === "tools") {
    const { tools } = live.answers;
    const tool = tools?.state === "here" ? tools.value.find((one) => one.tool === id) : undefined;
    return [
      {
        key: "c",
        label: "curl to this gateway, token as $AUTHENSOR_GW_KEY",
        text: curl(tool?.exposed ?? id, url),
      },
      { key: "g", label: "authensor-gw tools call …", text: cli(id) },
      { key: "j", label: "the tool as JSON", text: json(tool ?? { tool: id }) },
      { key: "i", label: "its name", text: id },
    ];
  }
  const gauge = live.gauges?.gauges.find((one) => one.name === id);
  return [
    { key: "j", label: "the gauge as JSON", text: json(gauge ?? { name: id }) },
    { key: "g", label: "authensor-gw status --json", text: "authensor-gw status --json" },
  ];
}

function callChoices(call: LiveCall, url: string): readonly CopyChoice[] {
  const choices: CopyChoice[] = [
    {
      ...{ key: "c", label: "curl to this gateway, token as $AUTHENSOR_GW_KEY" },
      text: curl(exposedName(call), url),
    },
    { key: "g", label: "authensor-gw tools call …", text: cli(call.tool) },
    { key: "j", label: "the call as JSON", text: json(call) },
    { key: "i", label: "call id", text: call.id },
  ];
  if (call.receipt === null) return choices;
  return [
    ...choices,
    { key: "u", label: "receipt id", text: call.receipt },
    {
      ...{ key: "r", label: "authensor-gw receipts show …" },
      text: `authensor-gw receipts show ${quoted(call.receipt)}`,
    },
  ];
}

/** `server/tool` as agents write it where names are prefixed (the default). */
function exposedName(call: LiveCall): string {
  const { tool, server } = call;
  return server !== "" && tool.startsWith(`${server}/`)
    ? `${server}__${tool.slice(server.length + 1)}`
    : tool;
}

/** One request of the modern protocol: it needs no session. */
function curl(tool: string, url: string): string {
  const version = "2026-07-28";
  const body = {
    ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
    params: {
      ...{ name: tool, arguments: {} },
      _meta: {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": { name: "curl", version: "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
      },
    },
  };
  const lines = [
    `curl -sS ${quoted(url)}`,
    `-H "Authorization: Bearer $AUTHENSOR_GW_KEY"`,
    `-H 'Content-Type: application/json'`,
    `-H 'Accept: application/json, text/event-stream'`,
    `-H 'MCP-Protocol-Version: ${version}'`,
    `-H 'Mcp-Method: tools/call'`,
    `-H ${quoted(`Mcp-Name: ${tool}`)}`,
    `-d ${quoted(JSON.stringify(body))}`,
  ];
  return lines.join(" \\\n  ");
}

function cli(tool: string): string {
  return `authensor-gw tools call ${quoted(tool)} --args '{}'`;
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

/** For a shell. Names come from servers: what a terminal would act on is escaped first (T1). */
export function quoted(text: string): string {
  const safe = printable(text);
  const plain = [...safe].every((one) => /[\w@%+=:,./-]/.test(one));
  return plain && safe !== "" ? safe : `'${safe.replaceAll("'", `'\\''`)}'`;
}
