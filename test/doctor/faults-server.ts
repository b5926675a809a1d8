/** Faults of the third link, gateway to server, stage by stage. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { testCertificate } from "../kit/certificate.ts";
import type { TestChild } from "../kit/child.ts";
import {
  type FaultOptions,
  type FaultServer,
  faultServer,
  json,
  type Misbehave,
  status,
} from "../kit/fault-server.ts";
import { freePort } from "../kit/free-port.ts";
import { echo, torrent } from "../kit/servers.ts";
import { fullListener, tlsServer } from "./bad-listeners.ts";
import { type Bench, call, type FaultCase, untilState } from "./cases.ts";
import { endedCertificate } from "./ended-certificate.ts";

/** A server `web` at this URL, and what else its entry says. */
const web = (url: string, more: object = {}) => ({
  config: { servers: { web: { url, ...more } } },
});

/** A server that shakes hands well up to what is given. */
async function bad(bench: Bench, misbehave: Misbehave, options: FaultOptions): Promise<string> {
  const server = await faultServer(misbehave, options);
  bench.later(() => server.close());
  return server.url;
}

const everyMethod = ["server/discover", "initialize", "tools/list", "tools/call", ""];

/** Answers everything with this HTTP answer. */
const answers =
  (text: string) =>
  async (bench: Bench): Promise<object> =>
    web(await bad(bench, (socket) => void socket.write(text), { handles: everyMethod }));

const down = (bench: Bench) => call(bench, "web__echo");

const stdio = (...command: string[]) => ({ config: { servers: { web: { command } } } });
const sh = (script: string) => stdio("sh", "-c", script);

/** Each case has a port of its own: cases may run side by side. */
const ports = { refused: 0, gone: 0 };
let stubborn: TestChild | undefined;
let refusing: FaultServer | undefined;
const stubbornScript = join(import.meta.dirname, "../kit/servers/stubborn.ts");

/** The way to it. */
export const connectionFaults: readonly FaultCase[] = [
  {
    name: "nobody listens at the server's port; it is started",
    screen: { keys: ["2"] },
    guide: "If a server was unreachable during startup, its tools will be missing",
    before: async () => {
      ports.refused = await freePort();
      return web(`http://127.0.0.1:${ports.refused}/mcp`);
    },
    finds: {
      link: "server",
      code: "GW_SERVER_REFUSED",
      saw: /"web": 127\.0\.0\.1:\d+ refused/,
      fix: /start the server.*servers\.web\.url/,
    },
    agent: down,
    agentSays: /GW_TOOL_UNKNOWN|GW_UPSTREAM_DOWN/,
    mend: async (bench) => {
      const server = await faultServer(() => undefined, { port: ports.refused });
      bench.later(() => server.close());
    },
  },
  {
    name: "the server went away while it was used; since when is told",
    guide: "Firewall rules, DNS resolution, and network segmentation can block connections",
    before: async (bench) => {
      ports.gone = await freePort();
      stubborn = bench.child([
        process.execPath,
        stubbornScript,
        "/dev/null",
        "http",
        String(ports.gone),
      ]);
      await stubborn.says(/listening/);
      return web(`http://127.0.0.1:${ports.gone}/mcp`);
    },
    async fault(bench) {
      await untilState(bench, "web", "ready");
      // The ring is written once a second.
      await Bun.sleep(1_200);
      await stubborn?.kill9();
    },
    finds: {
      link: "server",
      code: "GW_SERVER_REFUSED",
      since: /worked (until|at) \d\d:\d\d/,
    },
    agent: (bench) => call(bench, "web__env"),
    agentSays: /GW_UPSTREAM_(DOWN|LOST).*r-[0-9a-f]{12}-\d+/,
  },
  {
    name: "the server's name does not resolve",
    screen: { keys: ["2"] },
    guide: "Verify that the gateway can reach the downstream server (DNS resolution)",
    gateway: web("http://no-such-host.invalid/mcp"),
    finds: { link: "server", code: "GW_SERVER_NAME", saw: /no-such-host\.invalid/, fix: /DNS/ },
  },
  {
    name: "the server's address is silent, as behind a firewall",
    guide: "Verify that the gateway can reach the downstream server (firewall rules)",
    possible: process.platform === "linux" && Bun.which("perl") !== null,
    before: async (bench) => web(`http://127.0.0.1:${await fullListener(bench)}/mcp`),
    finds: { link: "server", code: "GW_SERVER_SILENT", saw: /silent/, fix: /firewall/ },
  },
  {
    name: "U1 the gateway refuses the server's address, and doctor sends nothing there either",
    before: async (bench) => {
      refusing = await faultServer(() => undefined);
      bench.later(() => refusing?.close());
      const url = refusing.url.replace("127.0.0.1", "0.0.0.0");
      return web(url, { headers: { "X-Secret": "hunter2" } });
    },
    fault: (bench) => untilState(bench, "web", "backoff"),
    finds: {
      link: "server",
      code: "GW_SERVER_ROUTE",
      saw: /0\.0\.0\.0:\d+.*nothing was sent/,
      cause: /0\.0\.0\.0 is unspecified, which is no server's address/,
      fix: /correct servers\.web\.url/,
    },
    async mend({ gateway }) {
      const before = refusing?.accepted();
      if (before !== 0) throw new Error(`${before} connections to what is refused`);
      const text = readFileSync(gateway.config, "utf8");
      writeFileSync(gateway.config, text.replace("0.0.0.0", "127.0.0.1"));
      const { code, stderr } = await gateway.cli("reload");
      if (code !== 0) throw new Error(stderr);
    },
  },
  {
    name: "the server takes the request and does not answer",
    guide: "If the downstream server is slow or unresponsive, the gateway request will time out",
    before: async (bench) => web(await bad(bench, () => undefined, { handles: everyMethod })),
    finds: { link: "server", code: "GW_SERVER_HUNG", saw: /does not answer/ },
  },
  {
    name: "the server's certificate has an issuer that nobody knows",
    before: async (bench) =>
      web(`https://127.0.0.1:${await tlsServer(bench, testCertificate)}/mcp`),
    finds: { link: "server", code: "GW_TLS", saw: /good\.test/, fix: /servers\.web\.tls\.ca/ },
  },
  {
    name: "the server's certificate is for another name",
    before: async (bench) => {
      const ca = join("/tmp", `gw-ca-${process.pid}.pem`);
      writeFileSync(ca, testCertificate.cert);
      bench.later(() => Bun.file(ca).delete());
      const port = await tlsServer(bench, testCertificate);
      return web(`https://127.0.0.1:${port}/mcp`, { tls: { ca } });
    },
    finds: { link: "server", code: "GW_TLS", cause: /127\.0\.0\.1/, fix: /name it is for/ },
  },
  {
    name: "the server's certificate has ended",
    screen: { keys: ["2"] },
    before: async (bench) => {
      const port = await tlsServer(bench, endedCertificate);
      return web(`https://127.0.0.1:${port}/mcp`);
    },
    finds: { link: "server", code: "GW_TLS", cause: /ended at 2021/, fix: /renew/ },
  },
];

/** What it says when it is reached. */
export const answerFaults: readonly FaultCase[] = [
  {
    name: "the server refuses the gateway's credentials",
    screen: { keys: ["2"] },
    before: answers(status(401, "who are you")),
    finds: {
      link: "server",
      code: "GW_SERVER_AUTH",
      saw: /HTTP 401/,
      fix: /servers\.web\.headers/,
    },
  },
  {
    name: "there is no MCP at the server's path",
    screen: { keys: ["2"] },
    guide: "Verify the server configuration includes the expected servers and correct endpoints",
    before: answers(status(404, "nothing here")),
    finds: {
      link: "server",
      code: "GW_SERVER_HTTP",
      saw: /HTTP 404/,
      fix: /path.*servers\.web\.url/,
    },
  },
  {
    name: "a web page is at the server's path",
    before: answers(
      "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 12\r\n\r\n<html>hello!",
    ),
    finds: { link: "server", code: "GW_SERVER_HTTP", saw: /text\/html/ },
  },
  {
    name: "the server redirects",
    before: answers(status(301, "", "Location: https://elsewhere.example/mcp\r\n")),
    finds: { link: "server", code: "GW_SERVER_HTTP", saw: /elsewhere\.example/ },
  },
  {
    name: "the server fails inside",
    before: answers(status(500, "oops")),
    finds: { link: "server", code: "GW_SERVER_HTTP", saw: /HTTP 500/, cause: /fails inside/ },
  },
  {
    name: "the server does not list its tools",
    screen: { keys: ["2"] },
    before: async (bench) =>
      web(
        await bad(
          bench,
          (socket, { id }) => {
            const error = { code: -32603, message: "table is gone" };
            socket.write(json({ jsonrpc: "2.0", id, error }));
          },
          { handles: ["tools/list"] },
        ),
      ),
    finds: { link: "server", code: "GW_SERVER_LIST", saw: /table is gone/ },
  },
  {
    name: "a tool of the server breaks MCP's rules",
    screen: { keys: ["2"] },
    before: async (bench) =>
      web(
        await bad(
          bench,
          (socket, { id }) => {
            const tools = [
              { name: "good", inputSchema: { type: "object" } },
              { name: "bad name!" },
            ];
            socket.write(json({ jsonrpc: "2.0", id, result: { resultType: "complete", tools } }));
          },
          { handles: ["tools/list"] },
        ),
      ),
    finds: { link: "server", code: "GW_SERVER_SCHEMA", severity: "warning", fix: /tools list/ },
  },
  {
    name: "the server's program is not there",
    screen: { keys: ["2"] },
    gateway: stdio("no-such-program-here"),
    finds: {
      link: "server",
      code: "GW_SERVER_COMMAND",
      saw: /no-such-program-here/,
      fix: /install|servers\.web\.command/,
    },
  },
  {
    name: "the server's process ends, with last words",
    screen: { keys: ["2"] },
    gateway: sh("echo 'licence has ended' >&2; exit 3"),
    fault: (bench) => untilState(bench, "web", "backoff"),
    finds: { link: "server", code: "GW_SERVER_EXITS", cause: /licence has ended/ },
  },
  {
    name: "the server's process keeps ending, and is started again just now",
    gateway: sh("sleep 1; echo 'licence has ended' >&2; exit 3"),
    async fault(bench) {
      await untilState(bench, "web", "backoff");
      await untilState(bench, "web", "starting");
      const { findings } = await bench.doctor();
      const codes = findings.map(({ code }) => code);
      if (!codes.includes("GW_SERVER_EXITS")) throw new Error(`doctor found only ${codes}`);
    },
    finds: { link: "server", code: "GW_SERVER_EXITS", cause: /code 3.*licence has ended/ },
  },
  {
    name: "the server's process says nothing that is MCP",
    gateway: sh("while read -r line; do echo 'hello?' >&2; done"),
    finds: {
      link: "server",
      code: "GW_SERVER_HUNG",
      saw: /without a handshake/,
      fix: /restart web/,
    },
  },
  {
    name: "a server has as many calls in flight as it may have",
    guide: "Symptom: Intermittent Failures. Check resource exhaustion",
    gateway: {
      config: {
        servers: {
          web: {
            command: [process.execPath, stubbornScript, "/dev/null", "stdio"],
            max_in_flight: 1,
            max_queued: 0,
          },
        },
      },
    },
    async fault(bench) {
      await untilState(bench, "web", "ready");
      // It is not answered: whoever ends the case ends it.
      void call(bench, "web__wait").catch(() => undefined);
    },
    finds: { link: "server", code: "GW_UPSTREAM_BUSY", severity: "warning", fix: /max_in_flight/ },
    agent: (bench) => call(bench, "web__wait"),
    agentSays: /GW_UPSTREAM_BUSY/,
  },
  {
    name: "a server tells without end that its tools changed",
    guide: "Symptom: Intermittent Failures. Check resource exhaustion",
    gateway: { config: { servers: { web: torrent("list") } } },
    // More than it may tell at once.
    fault: (bench) => untilState(bench, "web", "ready").then(() => Bun.sleep(500)),
    finds: { link: "server", code: "GW_SERVER_FLOODS", saw: /asked \d+ times more than is read/ },
    agent: (bench) => call(bench, "web__echo"),
    agentSays: /ok/,
  },
  {
    name: "a server is asked for that is not in the config",
    guide: "The gateway must know about downstream MCP servers",
    gateway: { config: { servers: { files: echo() } } },
    args: () => ["--server", "fils"],
    finds: { link: "server", code: "GW_NAME", fix: /did you mean files/ },
    agent: (bench) => call(bench, "fils__echo"),
    agentSays: /GW_TOOL_UNKNOWN/,
  },
];
