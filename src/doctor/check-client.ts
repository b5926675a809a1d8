/** `doctor client FILE`: does an agent's own config lead to this gateway, and does it get in. */

import path from "node:path";
import type { ErrorCode } from "../base/errors.ts";
import type { Config } from "../gateway/config-model.ts";
import { isLoopback } from "../gateway/config-units.ts";
import { programFault } from "../runtime/program.ts";
import { type ClientFile, type Entry, readClientFile } from "./client-file.ts";
import { isStdioEntry, stdioFault } from "./client-stdio.ts";
import { type Finding, finding } from "./finding.ts";
import { isNoBearer, type KeyRefusal, keyFix } from "./key-fix.ts";
import { probeAgent } from "./probe-agent.ts";
import type { World } from "./world.ts";

export interface AskedClient {
  readonly file: string;
  /** Whose project of ~/.claude.json counts. */
  readonly cwd: string;
  /** Policies that `stdio --policy` knows by name. */
  readonly policies: readonly string[];
}

export async function checkClient(world: World, asked: AskedClient): Promise<readonly Finding[]> {
  const { file, cwd } = asked;
  let read: ClientFile;
  try {
    read = readClientFile(file, cwd);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return [wrong(file, `${file} cannot be read: ${why}`, "correct the file")];
  }
  const ours = read.entries.filter((entry) => leadsHere(entry, world.config));
  const around = read.entries.filter((entry) => !ours.includes(entry));
  if (around.length > 0) {
    const names = around.map(({ name }) => name).join(", ");
    world.note(`${names}: the agent goes to these directly, without policy and receipts`);
  }
  if (ours.length === 0) {
    const saw = `no entry of ${file} leads to this gateway`;
    return [wrong(file, saw, `add one: ${exampleOf(read, world.config)}`)];
  }
  const found = await Promise.all(ours.map((entry) => checkEntry(world, asked, read, entry)));
  return found.flat();
}

function wrong(
  of: string,
  saw: string,
  fix: string,
  code: ErrorCode = "GW_CLIENT_CONFIG",
): Finding {
  const effect = `the agent of ${path.basename(of)} does not reach its tools`;
  return finding({ link: "agent", code, saw, effect, fix });
}

/** By its address, or by its name and program, or by a key that only a gateway of ours takes. */
function leadsHere(entry: Entry, config: Config | undefined): boolean {
  const called = /authensor|gateway|\bgw\b/i;
  if (Object.values(entry.headers).some((value) => value.includes("Bearer agw_"))) return true;
  if (called.test(entry.name) || entry.command.some((word) => called.test(word))) return true;
  const url = urlOf(entry);
  if (url === undefined || !URL.canParse(url) || config === undefined) return false;
  const { hostname, port } = new URL(url);
  const ownPort = Number(port || 80) === config.listen?.port;
  return config.hosts.includes(hostname) || (ownPort && isLoopback(hostname));
}

/** Its own, or the one that a bridge such as mcp-remote is given. */
function urlOf({ url, command }: Entry): string | undefined {
  return url ?? command.find((word) => /^https?:\/\//.test(word));
}

async function checkEntry(
  world: World,
  { file, policies }: AskedClient,
  { client }: ClientFile,
  entry: Entry,
): Promise<readonly Finding[]> {
  const { name, command } = entry;
  const of = `entry "${name}" of ${path.basename(file)}`;
  const form = formFault(client, entry, world.config);
  if (form !== undefined) return [wrong(file, `${of}: ${form.saw}`, form.fix)];
  const program = command[0];
  if (program !== undefined) {
    const paths = world.env["PATH"] ?? "";
    const fault = programFault(program, { from: path.dirname(file), paths });
    const fix = `write the whole path of the program in "command" of "${name}"`;
    if (fault !== undefined) return [wrong(file, `${of}: ${fault}`, fix)];
  }
  if (isStdioEntry(entry)) {
    const fault = stdioFault(entry, world, { folder: path.dirname(file), policies });
    return fault === undefined ? [] : [wrong(file, `${of}: ${fault.saw}`, fault.fix, fault.code)];
  }
  const url = urlOf(entry);
  if (url === undefined) {
    const fix = `use ${mcpUrl(world.config)}, or "command": "authensor-gw", "args": ["stdio"]`;
    return [wrong(file, `${of}: starts a program that does not lead to the gateway`, fix)];
  }
  if (!URL.canParse(url)) {
    return [wrong(file, `${of}: "${url}" is no URL`, `write ${mcpUrl(world.config)}`)];
  }
  const headers = { ...entry.headers, ...bridgeHeaders(command) };
  const unknown = Object.entries(headers).find(([, value]) => value.includes("${"));
  if (unknown !== undefined) {
    world.note(`${of}: ${unknown[0]} has a variable that only its client can fill in`);
    return [];
  }
  const fixOf = async (refusal: KeyRefusal) =>
    isNoBearer(refusal.message)
      ? `write "Bearer " before the token of Authorization in "${name}" of ${file}`
      : `${await keyFix(world, refusal)}; write its token into "${name}" of ${file}`;
  const home = mcpUrl(world.config);
  // HTTP+SSE is behind the same door, with the same keys.
  const asAgent = {
    url: url.replace(/\/sse$/, "/mcp"),
    headers,
    anyCertificate: false,
    of,
    home,
    keyFix: fixOf,
  };
  const probed = await probeAgent(asAgent);
  return probed.findings;
}

/** What each client does not take. */
function formFault(
  client: ClientFile["client"],
  entry: Entry,
  config: Config | undefined,
): { readonly saw: string; readonly fix: string } | undefined {
  const { url, command, type, name } = entry;
  if (url === undefined && command.length === 0) {
    return { saw: 'it has neither "url" nor "command"', fix: `write "url": "${mcpUrl(config)}"` };
  }
  if (url === undefined) {
    if (type === undefined || /^(stdio|local)$/.test(type)) return undefined;
    const saw = `it starts a program, and its "type" is "${type}"`;
    return { saw, fix: `write "type": "stdio" in "${name}"` };
  }
  if (client === "Claude Desktop") {
    const fix = `write "command": "npx", "args": ["-y", "mcp-remote", "${url}"] in "${name}"`;
    return { saw: "this file of Claude Desktop takes programs, not URLs", fix };
  }
  if (url.endsWith("/sse") && type !== undefined) {
    if (type === "sse") return undefined;
    const saw = `it names /sse, which is HTTP+SSE, and its "type" is "${type}"`;
    return { saw, fix: `write "url": "${mcpUrl(config)}" in "${name}"` };
  }
  const typed = client === "Claude Code" || client === "VS Code";
  // The others take a URL without it, and write it in ways of their own.
  const known = typed ? /^(http|streamable-http)$/ : /^(http|streamable[-_]?http|remote)$/i;
  if (type === undefined ? typed : !known.test(type)) {
    const saw = type === undefined ? 'it has no "type"' : `its "type" is "${type}"`;
    return { saw, fix: `write "type": "http" in "${name}"` };
  }
  return undefined;
}

/** `--header "Authorization: Bearer …"` of mcp-remote. */
function bridgeHeaders(command: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [index, word] of command.entries()) {
    const [name = "", ...rest] = word.split(":");
    if (command[index - 1] === "--header") found[name.trim()] = rest.join(":").trim();
  }
  return found;
}

function mcpUrl(config: Config | undefined): string {
  const scheme = config?.tls === undefined ? "http" : "https";
  return `${scheme}://localhost:${config?.listen?.port ?? 3100}/mcp`;
}

function exampleOf({ client }: ClientFile, config: Config | undefined): string {
  const entry = {
    ...(client === "Claude Code" || client === "VS Code" ? { type: "http" } : {}),
    url: mcpUrl(config),
    headers: { Authorization: "Bearer <token>" },
  };
  return `"gateway": ${JSON.stringify(entry)}`;
}
