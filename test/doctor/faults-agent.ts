/** Faults of the first link, agent to gateway; and those that look like it. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { echo } from "../kit/servers.ts";
import { type Bench, type FaultCase, post, untilNoted } from "./cases.ts";

const servers = { notes: echo() };

/** Writes an agent's config and names it. */
function client(
  file: string,
  key: string,
  entry: (bench: Bench) => Promise<object> | object,
  name = "gateway",
) {
  return async (bench: Bench) => {
    const path = join(bench.gateway.folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify({ [key]: { [name]: await entry(bench) } }));
    return ["client", path];
  };
}

const bearer = async (bench: Bench) => ({ Authorization: `Bearer ${await bench.token()}` });
const mcp = (bench: Bench) => `${bench.gateway.url}/mcp`;

/** Its two hours ended half an hour ago. */
async function endedKey(bench: Bench): Promise<string> {
  const made = await bench.gateway.cli(
    ...["keys", "create", "--role", "executor", "--name", "my-agent"],
    ...["--expires", "2h", "--json"],
  );
  const { token } = JSON.parse(made.stdout);
  const store = new DatabaseSync(join(bench.gateway.folder, "data/store.db"));
  const ms = 2.5 * 60 * 60 * 1000;
  store.exec("pragma busy_timeout = 5000");
  store.exec(
    `update gateway_keys set created_ms = created_ms - ${ms}, expires_ms = expires_ms - ${ms} ` +
      "where name = 'my-agent'; update keys_version set version = version + 1",
  );
  store.close();
  const isIn = async () => (await post(mcp(bench), token)).startsWith("200");
  for (let tries = 0; tries < 200 && (await isIn()); tries += 1) await Bun.sleep(50);
  return token;
}

export const agentFaults: readonly FaultCase[] = [
  {
    name: "the gateway does not run",
    guide: "Check the gateway is running. Verify the process is active and listening",
    fault: (bench) => bench.gateway.stop(),
    finds: { link: "gateway", code: "GW_NOT_RUNNING", cause: /stopped/, fix: /authensor-gw serve/ },
    agent: (bench) => post(mcp(bench), ""),
    agentSays: /ConnectionRefused|ECONNREFUSED/,
    mend: "command",
  },
  {
    name: "the agent's key has expired",
    guide: "An expired or invalid key produces a 401 response. Generate a new key if needed",
    args: async (bench) => ["--key-file", bench.keyFile(await endedKey(bench))],
    finds: {
      link: "agent",
      code: "GW_KEY_EXPIRED",
      saw: /401.*"my-agent" expired/,
      fix: /keys rotate my-agent/,
    },
    agent: async (bench) => post(mcp(bench), await Bun.file(bench.keyFile("x")).text()),
    async mend(bench, fix) {
      const { runCommand } = await import("./cases.ts");
      const made = await runCommand(bench, `${fix} --json`);
      bench.keyFile(JSON.parse(made.stdout()).token);
    },
  },
  {
    name: "the agent's key is no key of this gateway",
    guide: "The gateway requires valid API keys",
    args: (bench) => ["--key-file", bench.keyFile(`agw_${"A".repeat(43)}`)],
    finds: { link: "agent", code: "GW_KEY_UNKNOWN", saw: /401/, fix: /keys create/ },
    agent: (bench) => post(mcp(bench), `agw_${"A".repeat(43)}`),
    agentSays: /401 .*GW_KEY_UNKNOWN/,
  },
  {
    name: "an agent's key was no key of this gateway, while another agent has the usual name",
    async fault(bench) {
      await bench.token();
      await post(mcp(bench), `agw_${"A".repeat(43)}`);
      await untilNoted(bench, /GW_KEY_UNKNOWN/);
    },
    finds: {
      ...{ link: "agent", code: "GW_KEY_UNKNOWN", severity: "info" },
      saw: /once an agent was refused/,
      fix: /keys create --role executor --name my-agent-2/,
    },
    mend: "command",
  },
  {
    name: "the agent's config lacks the word Bearer",
    args: client(".cursor/mcp.json", "mcpServers", async (bench) => ({
      url: mcp(bench),
      headers: { Authorization: await bench.token() },
    })),
    finds: {
      link: "agent",
      code: "GW_KEY_UNKNOWN",
      saw: /401.*is not `Bearer <token>`/,
      cause: /^the word "Bearer"/,
      fix: /^write "Bearer " before the token of Authorization in "gateway" of .*mcp\.json$/,
    },
  },
  {
    name: "the agent has an operator's key",
    args: (bench) => ["--key-file", bench.keyFile(bench.gateway.adminToken)],
    finds: { link: "agent", code: "GW_ROLE", saw: /403/, fix: /--role executor/ },
    agent: (bench) => post(mcp(bench), bench.gateway.adminToken),
    agentSays: /403 .*GW_ROLE/,
  },
  {
    name: "the key that is asked for was revoked",
    async fault(bench) {
      await bench.token();
      await bench.gateway.cli("keys", "revoke", "my-agent");
    },
    args: () => ["--key", "my-agent"],
    finds: { link: "agent", code: "GW_KEY_REVOKED", saw: /my-agent/, fix: /keys create/ },
    agent: async (bench) => post(mcp(bench), await bench.token()),
    agentSays: /401 .*GW_KEY_REVOKED/,
    mend: "command",
  },
  {
    name: "there is no key for any agent",
    finds: { link: "agent", code: "GW_NO_KEY", fix: /keys create --role executor/ },
    mend: "command",
  },
  {
    name: "the agent's config has the wrong port",
    guide: "If using HTTP/SSE transport, verify the URL and port",
    // Only its key says that it is meant to lead here.
    args: client(
      ".cursor/mcp.json",
      "mcpServers",
      async (bench) => ({ url: "http://127.0.0.1:1/mcp", headers: await bearer(bench) }),
      "tools",
    ),
    finds: { link: "agent", code: "GW_NOT_RUNNING", saw: /127\.0\.0\.1:1 refused/, fix: /port/ },
    agent: () => post("http://127.0.0.1:1/mcp", ""),
    agentSays: /ConnectionRefused|ECONNREFUSED/,
  },
  {
    name: "the agent's config has the wrong path",
    args: client(".mcp.json", "mcpServers", async (bench) => ({
      type: "http",
      url: `${bench.gateway.url}/mpc`,
      headers: await bearer(bench),
    })),
    finds: { link: "agent", code: "GW_NOT_FOUND", fix: /write http.*\/mcp / },
    agent: async (bench) => post(`${bench.gateway.url}/mpc`, await bench.token()),
    agentSays: /404 .*GW_NOT_FOUND/,
  },
  {
    name: "the agent's config starts a program that is not there",
    guide: "verify that the agent's MCP client configuration points to the correct binary path",
    args: client("claude_desktop_config.json", "mcpServers", () => ({
      command: "/opt/authensor-gw/bin/authensor-gw",
      args: ["stdio"],
    })),
    finds: { link: "agent", code: "GW_CLIENT_CONFIG", saw: /is not there/, fix: /whole path/ },
  },
  {
    name: "the agent's config sends no key",
    args: client(".vscode/mcp.json", "servers", (bench) => ({ type: "http", url: mcp(bench) })),
    finds: { link: "agent", code: "GW_KEY_MISSING", saw: /401/, fix: /keys create.*mcp\.json/ },
    agent: async (bench) => (await fetch(mcp(bench), { method: "POST", body: "{}" })).text(),
    agentSays: /GW_KEY_MISSING/,
  },
  {
    name: "Claude Code's config lacks the type",
    args: client(".mcp.json", "mcpServers", (bench) => ({ url: mcp(bench) })),
    finds: { link: "agent", code: "GW_CLIENT_CONFIG", saw: /no "type"/, fix: /"type": "http"/ },
  },
  {
    name: "the agent comes by a name that the gateway does not know",
    args: client(".cursor/mcp.json", "mcpServers", async (bench) => {
      const proxy = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch(request) {
          const headers = new Headers(request.headers);
          headers.set("host", "mcp.example");
          const { method, body } = request;
          return fetch(mcp(bench), { method, headers, body });
        },
      });
      bench.later(() => proxy.stop(true));
      return { url: `http://127.0.0.1:${proxy.port}/mcp`, headers: await bearer(bench) };
    }),
    finds: { link: "agent", code: "GW_HOST", saw: /403/, fix: /`hosts`/ },
  },
  {
    name: "the policy shows the agent no tool",
    guide: "If the agent's policy denies access to certain tools, those tools may not appear",
    gateway: { config: { servers }, policy: "id: p\nallow: [notes/no_such_tool]\n" },
    fault: (bench) => bench.token(),
    finds: {
      link: "agent",
      code: "GW_NO_TOOLS",
      saw: /"my-agent" sees none of \d+ tools/,
      cause: /policy\.yaml/,
      fix: /tools why notes\/\w+ --as my-agent/,
    },
    agent: async (bench) => {
      const { call } = await import("./cases.ts");
      return call(bench, "notes__echo");
    },
    agentSays: /GW_/,
  },
];
