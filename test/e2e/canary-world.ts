/** A gateway with two canaries behind it, and the ways to call them in either era. */

import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { startChild } from "../kit/child.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { type RawResponse, rawHttp } from "./raw.ts";

export type Canary = "io" | "web";
type Header = readonly [string, string];

export interface CanaryWorld {
  readonly gateway: TestGateway;
  readonly token: string;
  /** Bytes that both canaries got so far. */
  bytes(): number;
  /** What one canary got since `from`. */
  seen(canary: Canary, from?: number): Buffer;
  /** A tools/call whose params.arguments are this text; a session of 2025-11-25. */
  call(tool: string, args: string): Promise<RawResponse>;
  /** Any bytes, in a session with good headers unless told. */
  send(body: string | Uint8Array, headers?: readonly Header[]): Promise<RawResponse>;
  /** Host, key, types and session: what a good legacy request carries. */
  readonly good: readonly Header[];
  [Symbol.asyncDispose](): Promise<void>;
}

const policy = `id: canary
allow: ["*/take", "*/guarded"]
ask: ["*/asked"]
deny: ["*/denied"]
rules:
  - id: no-secret
    effect: deny
    tools: ["*/guarded"]
    when: { args.v: { eq: secret } }
`;

export async function canaryWorld(withPolicy = true): Promise<CanaryWorld> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "gw-canary-")));
  const files = { io: join(folder, "io"), web: join(folder, "web") };
  const script = join(import.meta.dirname, "../kit/servers/canary.ts");
  const http = startChild([process.execPath, script, files.web, "http"]);
  const [url] = await http.says(/http:\/\/\S+/);
  const gateway = await startGateway({
    ...(withPolicy ? { policy } : {}),
    config: {
      servers: {
        io: { command: [process.execPath, script, files.io, "stdio"], protocol: "legacy" },
        web: { url, protocol: "legacy" },
      },
    },
  });
  const token = await gateway.key("executor", "agent");
  const good = await legacySession(gateway, token);
  const send = (body: string | Uint8Array, headers: readonly Header[] = good) =>
    rawHttp({ port: gateway.port, headers, body });
  const world: CanaryWorld = {
    gateway,
    token,
    good,
    bytes: () => statSync(files.io).size + statSync(files.web).size,
    seen: (canary, from = 0) => readFileSync(files[canary]).subarray(from),
    call: (tool, args) => send(callText(tool, args)),
    send,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await http.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await untilListed(world, withPolicy ? 6 : 0);
  } catch (thrown) {
    await world[Symbol.asyncDispose]();
    throw thrown;
  }
  return world;
}

export function callText(tool: string, args: string): string {
  const params = `{"name":${JSON.stringify(tool)},"arguments":${args}}`;
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
}

/** Headers of a good request without a session. */
export function goodHeaders(port: number, token: string): readonly Header[] {
  return [
    ["Host", `127.0.0.1:${port}`],
    ["Authorization", `Bearer ${token}`],
    ["Content-Type", "application/json"],
    ["Accept", "application/json, text/event-stream"],
  ];
}

async function legacySession(gateway: TestGateway, token: string): Promise<readonly Header[]> {
  const headers = goodHeaders(gateway.port, token);
  const clientInfo = { name: "raw", version: "1" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params });
  const hello = await rawHttp({ port: gateway.port, headers, body });
  const session = hello.headers.get("mcp-session-id");
  if (session === null) throw new Error(`initialize: ${hello.status} ${hello.body}`);
  return [...headers, ["Mcp-Session-Id", session], ["MCP-Protocol-Version", "2025-11-25"]];
}

/** take and asked of both canaries; with no policy nothing is hidden by a rule or shown by one. */
async function untilListed(world: CanaryWorld, least: number): Promise<void> {
  const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  for (let tries = 0; tries < 200; tries++) {
    const { body: text } = await world.send(body);
    const status = await world.gateway.cli("status", "--json");
    const { servers }: { servers: { state: string }[] } = JSON.parse(status.stdout);
    const up = servers.every((server) => server.state === "ready");
    if (up && (text.match(/"inputSchema"/g)?.length ?? 0) >= least) return;
    await Bun.sleep(20);
  }
  throw new Error("the canaries did not come up");
}

/** The arguments of every tools/call in what a canary got, cut out by counting brackets. */
export function argumentsIn(seen: Buffer): Buffer[] {
  const found: Buffer[] = [];
  const mark = Buffer.from('"arguments":');
  for (let at = seen.indexOf(mark); at !== -1; at = seen.indexOf(mark, at + 1)) {
    const start = at + mark.length;
    found.push(seen.subarray(start, endOfValue(seen, start)));
  }
  return found;
}

function endOfValue(bytes: Buffer, start: number): number {
  let depth = 0;
  let inString = false;
  for (let at = start; at < bytes.length; at++) {
    const char = String.fromCharCode(bytes[at] ?? 0);
    if (inString) {
      if (char === "\\") at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "{" || char === "[") depth++;
    else if ((char === "}" || char === "]") && --depth === 0) return at + 1;
  }
  throw new Error("the value does not end");
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** args_hash of every intent in the embedded store of a stopped gateway, in order. */
export async function intentHashes(gateway: TestGateway): Promise<string[]> {
  const { Database } = await import("bun:sqlite");
  const store = new Database(join(gateway.folder, "data/store.db"), { readonly: true });
  const rows = store.query("select body from receipts where kind = 'intent' order by chain, seq");
  const hashes = rows.all().map((row) => {
    const { body } = row as { body: Uint8Array };
    const fields: { args_hash: string } = JSON.parse(Buffer.from(body).toString());
    return fields.args_hash;
  });
  store.close();
  return hashes;
}
