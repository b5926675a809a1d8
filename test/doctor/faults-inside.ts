/** Faults that only the running gateway sees: the server itself shakes hands and seems well. */

import { join } from "node:path";
import process from "node:process";
import { type FaultOptions, faultServer, json, type Misbehave } from "../kit/fault-server.ts";
import { type Bench, call, type FaultCase, untilState } from "./cases.ts";

const web = (url: string, more: object = {}) => ({
  config: { servers: { web: { url, ...more } } },
});

async function serve(bench: Bench, misbehave: Misbehave, options: FaultOptions): Promise<string> {
  const server = await faultServer(misbehave, options);
  bench.later(() => server.close());
  return server.url;
}

const stubbornScript = join(import.meta.dirname, "../kit/servers/stubborn.ts");
let aging: Awaited<ReturnType<typeof faultServer>> | undefined;
const emptied = ["a"];

export const insideFaults: readonly FaultCase[] = [
  {
    name: "what agents see of a server is older than it may be",
    guide: "If a server was unreachable during startup, its tools will be missing",
    before: async (bench) => {
      const server = await faultServer(() => undefined, { tools: () => ["a"] });
      aging = server;
      bench.later(() => server.close());
      return web(server.url, { freshness: "1s" });
    },
    async fault(bench) {
      await untilState(bench, "web", "ready");
      await aging?.close();
      await call(bench, "web__a");
      await Bun.sleep(1_100);
    },
    finds: {
      ...{ link: "server", code: "GW_LIST_STALE", severity: "warning", saw: /"web".*out of date/ },
      cause: /state (backoff|starting)|ECONNREFUSED/,
      effect: /new tools of it are not seen.*they leave/,
      fix: /start the server/,
    },
    agent: (bench) => call(bench, "web__a"),
    agentSays: /GW_UPSTREAM_DOWN/,
  },
  {
    name: "definitions of the server hold characters that nobody sees",
    before: async (bench) => {
      const description = "Reads a file.\u{E0049}\u{E0067}\u202E";
      const tools = [{ name: "read", description, inputSchema: { type: "object" } }];
      const list = { resultType: "complete", tools };
      const misbehave: Misbehave = (socket, { id }) =>
        void socket.write(json({ jsonrpc: "2.0", id, result: list }));
      return web(await serve(bench, misbehave, { handles: ["tools/list"] }));
    },
    finds: {
      ...{ link: "server", code: "GW_SERVER_HIDDEN", severity: "warning" },
      saw: /^3 characters that nobody sees, in what "web" offers: web\/read$/,
      effect: /models read what people do not/,
      fix: /deny/,
    },
  },
  {
    name: "a server lists nothing where it listed something before",
    before: async (bench) => {
      const server = await faultServer(() => undefined, { tools: () => emptied });
      bench.later(() => server.close());
      return web(server.url, { freshness: "1s" });
    },
    async fault(bench) {
      await untilState(bench, "web", "ready");
      emptied.length = 0;
      await bench.gateway.cli("servers", "retry", "web");
    },
    finds: {
      ...{ link: "server", code: "GW_SERVER_EMPTY", saw: /^"web" lists nothing where/ },
      cause: /it lists no tools, and had 1/,
      fix: /servers disable web, then .*servers enable web/,
    },
  },
  {
    name: "the server answers a call under another id",
    before: async (bench) => {
      const misbehave: Misbehave = (socket) =>
        void socket.write(json({ jsonrpc: "2.0", id: 999_999, result: {} }));
      const server = await faultServer(misbehave, { tools: () => ["a"] });
      bench.later(() => server.close());
      return web(server.url);
    },
    async fault(bench) {
      await untilState(bench, "web", "ready");
      await call(bench, "web__a", { n: 1 });
    },
    finds: {
      ...{ link: "server", code: "GW_UPSTREAM_ERROR", severity: "warning" },
      cause: /under another id, 999999 instead of \d+/,
      fix: /tell whoever makes the server/,
    },
    agent: (bench) => call(bench, "web__a", { n: 2 }),
    agentSays: /GW_UPSTREAM_ERROR.*under another id/,
  },
  {
    name: "a key has as many calls in flight as it may have",
    guide: "Symptom: Intermittent Failures. Check resource exhaustion",
    gateway: {
      config: {
        limits: { calls_per_key: 1 },
        servers: { web: { command: [process.execPath, stubbornScript, "/dev/null", "stdio"] } },
      },
    },
    async fault(bench) {
      await untilState(bench, "web", "ready");
      void call(bench, "web__wait").catch(() => undefined);
      await Bun.sleep(200);
      await call(bench, "web__env");
    },
    finds: {
      ...{ link: "agent", code: "GW_KEY_BUSY", severity: "info" },
      cause: /1 calls? refused, the last of key my-agent/,
      effect: /nothing was sent/,
      fix: /limits\.calls_per_key/,
    },
    agent: (bench) => call(bench, "web__env"),
    agentSays: /GW_KEY_BUSY/,
  },
];
