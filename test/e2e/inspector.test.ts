/** The inspector's command line, a client of its own, in both eras. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { startChild } from "../kit/child.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { everyFeature, type HttpServer } from "../kit/servers.ts";

const manifest = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/inspector/package.json",
);
const launcher = join(dirname(manifest), "clients/launcher/build/index.js");

let server: HttpServer;
let gateway: TestGateway;
let config: string;

beforeAll(async () => {
  server = await everyFeature();
  gateway = await startGateway({
    config: { servers: { s: { url: server.url } } },
    policy: "id: all\nrules:\n  - id: all\n    effect: allow\n    methods: ['*']\n",
  });
  const headers = { Authorization: `Bearer ${await gateway.key("executor")}` };
  const entry = { type: "streamable-http", url: `${gateway.url}/mcp`, headers };
  config = join(gateway.folder, "inspector.json");
  const entries = ["legacy", "modern"].map((era) => [era, { ...entry, protocolEra: era }]);
  const mcpServers = Object.fromEntries(entries) as object;
  writeFileSync(config, JSON.stringify({ mcpServers }), { mode: 0o600 });
}, 60_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server.stop();
});

interface Case {
  readonly method: string;
  readonly args: readonly string[];
  readonly says: string;
}

const cases: readonly Case[] = [
  { method: "tools/list", args: [], says: '"s__test_simple_text"' },
  {
    method: "tools/call",
    args: ["--tool-name", "s__test_mirrored_header", "--tool-arg", "region=north"],
    says: "Region: north",
  },
  { method: "resources/list", args: [], says: '"test://static-text"' },
  { method: "resources/templates/list", args: [], says: "test://template/{id}/data" },
  { method: "resources/read", args: ["--uri", "test://static-text"], says: "static text resource" },
  { method: "prompts/list", args: [], says: '"s__test_simple_prompt"' },
  {
    method: "prompts/get",
    args: ["--prompt-name", "s__test_prompt_with_arguments", "--prompt-args", "arg1=a", "arg2=b"],
    says: "arg1='a', arg2='b'",
  },
];

describe.each(["legacy", "modern"])("the inspector as a %s client", (era) => {
  test.each(cases)("$method", async ({ method, args, says }) => {
    const options = ["--cli", "--config", config, "--server", era, "--method", method];
    const command = [process.execPath, launcher, ...options, ...args, "--format", "json"];
    const env = { PATH: process.env["PATH"] ?? "", HOME: gateway.folder };
    const child = startChild(command, { env: { ...env, MCP_INSPECTOR_SECRET_STORE: "memory" } });
    const code = await child.ended;
    expect(`${child.stdout()}${code === 0 ? "" : child.stderr()}`).toContain(says);
    expect(code).toBe(0);
  });
});
