/** Real MCP servers for tests: entries for `servers` of a config, started where they are HTTP. */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { startChild, type TestChild } from "./child.ts";
import { freePort } from "./free-port.ts";

/** An entry of `servers` that the gateway starts itself. */
export interface StdioEntry {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A running HTTP server; `{ url }` is its entry. */
export interface HttpServer {
  readonly url: string;
  readonly child: TestChild;
  stop(): Promise<unknown>;
}

/** server-everything: echo, get-sum, trigger-long-running-operation, and more. */
export function everything(): StdioEntry {
  return npmServer("server-everything", "stdio");
}

/** server-filesystem, allowed to touch only `folder`. */
export function filesystem(folder: string): StdioEntry {
  return npmServer("server-filesystem", folder);
}

/** server-memory, keeping its graph in `file`. */
export function memory(file: string): StdioEntry {
  return { ...npmServer("server-memory"), env: { MEMORY_FILE_PATH: file } };
}

/** server-everything over Streamable HTTP, 2025-11-25 with sessions. */
export async function everythingHttp(given?: number): Promise<HttpServer> {
  const port = given ?? (await freePort());
  const { command, args } = npmServer("server-everything", "streamableHttp");
  const env = { PATH: process.env["PATH"] ?? "", PORT: String(port) };
  const child = startChild([command, ...args], { env });
  await child.says(/listening on port \d+/);
  return { url: `http://127.0.0.1:${port}/mcp`, child, stop: () => child.stop(2_000) };
}

/** A server that speaks 2026-07-28 and nothing else: echo, add, fail. */
export function modern(port = 0): Promise<HttpServer> {
  return scriptServer("modern.ts", String(port));
}

/** Every feature of MCP over HTTP, in both eras on one endpoint or forced to one. */
export async function everyFeature(
  era?: "legacy" | "modern",
  ...more: readonly string[]
): Promise<HttpServer & AsyncDisposable> {
  const server = await scriptServer("everything.ts", "http", ...forced(era), ...more);
  return { ...server, [Symbol.asyncDispose]: async () => void (await server.stop()) };
}

/** The same over stdio. */
export function everyFeatureStdio(era?: "legacy" | "modern"): StdioEntry {
  const args = [script("everything.ts"), "stdio", ...forced(era)];
  return { command: process.execPath, args };
}

function forced(era: string | undefined): readonly string[] {
  return era === undefined ? [] : ["--era", era];
}

/** The bench's echo server, 2025-11-25 with sessions: tool `echo`, answers by template. */
export function echoHttp(): Promise<HttpServer> {
  return scriptServer("echo.ts", "http");
}

/** A server that tells without end, beside its calls, what torrent.ts says. */
export function torrent(kind: string): StdioEntry {
  return { command: process.execPath, args: [script("torrent.ts"), "stdio", kind] };
}

/** The echo server over stdio. */
export function echo(): StdioEntry {
  return { command: process.execPath, args: [script("echo.ts"), "stdio"] };
}

/** A server of this folder that prints its URL when it listens. */
async function scriptServer(name: string, ...args: readonly string[]): Promise<HttpServer> {
  const child = startChild([process.execPath, script(name), ...args]);
  const [url] = await child.says(/http:\/\/\S+/);
  return { url, child, stop: () => child.stop(2_000) };
}

function script(name: string): string {
  return join(import.meta.dirname, "servers", name);
}

/** As `npx` would start it, without asking the registry. */
function npmServer(name: string, ...args: readonly string[]): StdioEntry {
  const manifest = `@modelcontextprotocol/${name}/package.json`;
  const folder = dirname(createRequire(import.meta.url).resolve(manifest));
  return { command: Bun.which("node") ?? "node", args: [join(folder, "dist/index.js"), ...args] };
}
