/** Faults that are over when doctor is asked: the history ring explains them. */

import { join } from "node:path";
import process from "node:process";
import { faultServer } from "../kit/fault-server.ts";
import { freePort } from "../kit/free-port.ts";
import type { TestPostgres } from "../kit/postgres.ts";
import { asOwner } from "../kit/postgres.ts";
import { echo } from "../kit/servers.ts";
import { type Bench, call, type FaultCase, post, untilNoted, untilState } from "./cases.ts";

const stubborn = join(import.meta.dirname, "../kit/servers/stubborn.ts");
const mcp = (bench: Bench) => `${bench.gateway.url}/mcp`;
let port = 0;

export const pastFaults: readonly FaultCase[] = [
  {
    name: "a server was away and is back",
    guide: "Symptom: Intermittent Failures",
    async before() {
      port = await freePort();
      return { config: { servers: { web: { url: `http://127.0.0.1:${port}/mcp` } } } };
    },
    async fault(bench) {
      await untilState(bench, "web", "backoff");
      await bench.token();
      const start = async () => {
        const server = await faultServer(() => undefined, { port, tools: () => ["a", "b"] });
        bench.later(() => server.close());
        await untilState(bench, "web", "ready");
        return server;
      };
      const first = await start();
      await untilNoted(bench, /"id":"web","state":"ready"/);
      await first.close();
      await call(bench, "web__a");
      await untilNoted(
        bench,
        /"id":"web","state":"backoff".*"effect":"calls of 2 tools fail for 1/,
      );
      await Bun.sleep(1_100);
      await start();
      await untilNoted(bench, /"id":"web","state":"ready".*\n[\s\S]*"id":"web","state":"ready"/);
    },
    finds: {
      link: "server",
      code: "GW_UPSTREAM_DOWN",
      severity: "info",
      saw: /"web" was away/,
      since: /\d\d:\d\d:\d\d to \d\d:\d\d:\d\d, .* it is over/,
      cause: /ECONNREFUSED/,
      effect: /^while it lasted: calls of 2 tools fail for 1 key$/,
    },
  },
  {
    name: "the gateway was killed and started again",
    guide: "Memory exhaustion causes intermittent failures under load",
    async fault(bench) {
      await untilNoted(bench, /"kind":"start"/);
      await bench.gateway.kill9();
      await bench.gateway.restart();
      await untilNoted2(bench, /"kind":"start"/);
    },
    finds: {
      link: "gateway",
      code: "GW_STOPPED",
      severity: "info",
      since: /started again \d\d:\d\d/,
      cause: /killed/,
      fix: /journalctl/,
    },
  },
  {
    name: "an agent was refused: its key had expired",
    guide: "An expired or invalid key produces a 401 response",
    async fault(bench) {
      const made = await bench.gateway.cli(
        ...["keys", "create", "--role", "executor", "--name", "old-agent"],
        ...["--expires", "200ms", "--json"],
      );
      await Bun.sleep(250);
      const { token } = JSON.parse(made.stdout);
      const answers = [await post(mcp(bench), token), await post(mcp(bench), token)];
      if (!answers.every((text) => text.startsWith("401"))) throw new Error(answers.join());
      await untilNoted(bench, /GW_KEY_EXPIRED/);
    },
    finds: {
      link: "agent",
      code: "GW_KEY_EXPIRED",
      severity: "info",
      saw: /2 times an agent was refused/,
      since: /first .*, last/,
      cause: /"old-agent" expired/,
      fix: /keys rotate old-agent/,
    },
  },
  {
    name: "calls ran into their time limit",
    guide: "The gateway forwards tool calls; if the server is slow, the request will time out",
    gateway: {
      config: {
        servers: {
          slow: {
            command: [process.execPath, stubborn, "/dev/null", "stdio"],
            timeout: "300ms",
            // Else the agent's own call, the same again, would be refused once.
            tools: { wait: { idempotent: true } },
          },
        },
      },
    },
    async fault(bench) {
      await untilState(bench, "slow", "ready");
      await call(bench, "slow__wait");
      await untilNoted(bench, /GW_TIMEOUT/);
    },
    finds: {
      link: "server",
      code: "GW_SERVER_SLOW",
      severity: "info",
      saw: /1 call ended with GW_TIMEOUT/,
      since: /receipts r-[0-9a-f]{12}-\d+/,
      fix: /servers\.slow\.timeout.*receipts show r-/,
    },
    agent: (bench) => call(bench, "slow__wait"),
    agentSays: /GW_TIMEOUT_(IDLE|MAX).*servers\.slow\.timeout.*r-[0-9a-f]{12}-\d+/,
  },
  {
    name: "a request was larger than it may be",
    guide: "Very large tool parameters can cause timeouts. Review for large payloads",
    gateway: { config: { limits: { body: "64KiB" }, servers: { notes: echo() } } },
    async fault(bench) {
      await call(bench, "notes__echo", { text: "x".repeat(100_000) });
      await untilNoted(bench, /GW_BODY_TOO_LARGE/);
    },
    finds: {
      link: "agent",
      code: "GW_BODY_TOO_LARGE",
      severity: "info",
      saw: /once an agent was refused/,
      fix: /limits\.body/,
    },
    agent: (bench) => call(bench, "notes__echo", { text: "x".repeat(100_000) }),
    agentSays: /413 .*GW_BODY_TOO_LARGE/,
  },
  {
    name: "a client spoke TLS to a plain port",
    guide: "verify the URL and port",
    async fault(bench) {
      const url = mcp(bench).replace("http:", "https:");
      await fetch(url, { tls: { rejectUnauthorized: false } }).catch(() => undefined);
      await untilNoted(bench, /GW_HTTP/);
    },
    finds: {
      link: "agent",
      code: "GW_HTTP",
      severity: "info",
      cause: /^the client speaks TLS, and this port does not$/,
      fix: /^write http:\/\/ for https:\/\/ .*authensor-gw doctor client FILE/,
    },
  },
  {
    name: "the gateway's process did not run for a while",
    guide: "Monitor the gateway's resource consumption",
    async fault(bench) {
      await untilNoted(bench, /"kind":"start"/);
      const { pid } = bench.gateway.child();
      process.kill(pid, "SIGSTOP");
      await Bun.sleep(3_000);
      process.kill(pid, "SIGCONT");
      await untilNoted(bench, /"loop_lag":[2-9]\d\d\d/);
    },
    finds: {
      link: "gateway",
      code: "GW_LOOP_LAG",
      severity: "info",
      saw: /did not run for [23] s/,
      cause: /stopped|slept/,
    },
  },
];

/** Of a database of its own. */
export function pastDatabase(postgres: () => TestPostgres): readonly FaultCase[] {
  return [
    {
      name: "the database was away and is back",
      guide: "Check database connectivity. Intermittent failures",
      async before() {
        const { url, adminUrl } = await postgres().database(`past${Date.now()}`);
        await asOwner(adminUrl, "grant all on schema public to gateway");
        return { config: { database: url, servers: { notes: echo() } } };
      },
      async fault(bench) {
        await bench.token();
        await untilState(bench, "notes", "ready");
        await postgres().kill();
        // Receipts that cannot be shipped are what tells it.
        await call(bench, "notes__echo", { text: "x" });
        await untilNoted(bench, /"of":"(store|keys)".*"ok":false/);
        await Bun.sleep(1_200);
        await postgres().restart();
        await untilNoted(bench, /"of":"store"[^\n]*"ok":false[\s\S]*"of":"store"[^\n]*"ok":true/);
      },
      finds: {
        link: "gateway",
        code: "GW_DATABASE",
        severity: "info",
        saw: /the store was away/,
        since: /it is over/,
      },
    },
  ];
}

/** The start that is written into the same file by the next run, or into the next file. */
async function untilNoted2(bench: Bench, pattern: RegExp): Promise<void> {
  const { readdirSync, readFileSync } = await import("node:fs");
  const folder = join(bench.gateway.folder, "data/history");
  for (const end = performance.now() + 5_000; performance.now() < end; await Bun.sleep(50)) {
    const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
    if (texts.join("").split(pattern).length > 2) return;
  }
  throw new Error(`the history does not say ${pattern} a second time`);
}
