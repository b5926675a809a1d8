/** What the live view says of a real gateway: trouble and what it means, no secrets, changes. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AdminClient, adminClient } from "../../src/admin/client.ts";
import {
  type LiveCall,
  type LiveServer,
  type LiveSnapshot,
  paths,
} from "../../src/admin/contract.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { rawAgent } from "../kit/raw-agent.ts";
import { echoHttp, type HttpServer } from "../kit/servers.ts";

const policy = `id: p
rules:
  - { id: all, effect: allow, tools: ["echo/*"], who: { keys: ["agent*"] } }
`;
let server: HttpServer;
let gateway: TestGateway;
let client: AdminClient;
let token: string;

beforeAll(async () => {
  server = await echoHttp();
  gateway = await startGateway({
    program: "bun",
    policy,
    env: { SERVER_SECRET: "s3cr3t-in-the-path" },
    config: {
      servers: {
        echo: { url: server.url, protocol: "legacy" },
        hidden: { url: "http://127.0.0.1:9/${SERVER_SECRET}/mcp?token=also-s3cr3t" },
        gone: { command: ["no-such-program"], env: { TOKEN: "${SERVER_SECRET}" } },
      },
    },
  });
  token = await gateway.key("executor", "agent-1");
  await gateway.key("executor", "agent-2");
  await gateway.key("executor", "other");
  const admin = gateway.adminToken;
  client = adminClient({ socket: join(gateway.folder, "admin.sock"), key: admin });
}, 20_000);
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await server?.stop();
}, 20_000);

const snapshot = () => client.get<LiveSnapshot>(paths.snapshot);
const row = async (id: string) =>
  (await snapshot()).servers.find((one) => one.id === id) as LiveServer;
async function until<T>(read: () => Promise<T | undefined | false>, ms = 8_000): Promise<T> {
  for (const end = performance.now() + ms; ; await Bun.sleep(10)) {
    const found = await read();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${read}`);
  }
}

test("T10 no secret of the config is in it, only the name of one", async () => {
  await until(async () => (await row("gone")).state === "backoff");
  const text = JSON.stringify(await snapshot());
  expect(text).not.toContain("s3cr3t");
  expect((await row("hidden")).target).toBe("http://127.0.0.1:9/${SERVER_SECRET}/mcp");
});

test("a call: decision with file and line, waterfall, sizes, receipt", async () => {
  await until(async () => (await row("echo")).tools === 1);
  const agent = await rawAgent(gateway.url, token);
  await agent.call("echo__echo", { text: "hello" });
  await agent.call("echo__nothing", {}).catch(() => undefined);
  const calls = await until(async () => {
    const found = (await snapshot()).calls.filter(({ stage }) => stage === "over");
    return found.length === 2 && found;
  });
  const [made, denied] = calls as [LiveCall, LiveCall];
  // Bun's toMatchObject writes its matchers into what it is given.
  const { receipt } = made;
  expect(made).toMatchObject({
    ...{ tool: "echo/echo", server: "echo", key: "agent-1", client: "raw/1", outcome: "ok" },
    era: { in: "legacy", out: "legacy" },
    decision: { effect: "allow", rule: "all", at: "policy.yaml:3", code: null },
    receipt: expect.stringMatching(/^r-[0-9a-f]{12}-\d+$/),
    argsBytes: '{"text":"hello"}'.length,
  });
  const { decide, intent, server: served, outcome } = made.timings;
  const sum = (decide ?? 0) + (intent ?? 0) + (served ?? 0) + (outcome ?? 0);
  expect(Math.abs(sum - (made.tookMs ?? 0))).toBeLessThan(0.1);
  expect(made.resultBytes).toBeGreaterThan(10);
  expect(denied).toMatchObject({ outcome: "denied", timings: { server: null } });
  const listed = await gateway.cli("receipts", "list", "--json");
  expect(listed.stdout).toContain(`"id":"${receipt}"`);
});

test("a server that goes away: cause, what to do, and for how many keys it matters", async () => {
  await until(async () => (await row("echo")).tools === 1);
  await server.stop();
  const agent = await rawAgent(gateway.url, token);
  await agent.call("echo__echo", { text: "x" }).catch(() => undefined);
  const down = await until(async () => {
    const found = await row("echo");
    return found.state === "backoff" && found;
  });
  expect(down.trouble).toMatchObject({
    code: "GW_SERVER_REFUSED",
    cause: expect.stringContaining("ECONNREFUSED"),
    fix: expect.stringContaining("authensor-gw servers retry echo"),
    effect: "calls of 1 tool fail for 2 keys",
  });
  expect(down.nextAttemptMs).toBeGreaterThan(Date.now() - 100);
  expect([down.calls, down.failed]).toEqual([2, 1]);
}, 20_000);

test("a reload that fails is told until one succeeds", async () => {
  const file = join(gateway.folder, "policy.yaml");
  writeFileSync(file, "id: p\nallow: 5\n");
  expect((await gateway.cli("reload")).code).not.toBe(0);
  expect((await snapshot()).gateway.reload.fault).toContain("policy.yaml");
  writeFileSync(file, policy);
  expect((await gateway.cli("reload")).code).toBe(0);
  expect((await snapshot()).gateway.reload.fault).toBeNull();
});

test("a change of the log level is in the next batch", async () => {
  const told = Promise.withResolvers<string>();
  const watch = client.watch((event) => {
    const level = event.kind === "batch" ? event.batch.gateway?.logLevel : undefined;
    if (level !== undefined && level !== "info") told.resolve(level);
  });
  expect((await gateway.cli("log-level", "warn", "--for", "1m")).code).toBe(0);
  expect(await told.promise).toBe("warn");
  watch.close();
});
