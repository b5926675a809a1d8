/** What an operator does to servers and calls, on a real gateway, and who may. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type AdminClient, adminClient } from "../../src/admin/client.ts";
import {
  type LiveCall,
  type LiveServer,
  type LiveSnapshot,
  paths,
} from "../../src/admin/contract.ts";
import { sqliteStore } from "../../src/store/sqlite.ts";
import type { ReceiptRow } from "../../src/store/store.ts";
import { startChild, type TestChild } from "../kit/child.ts";
import { legacyAgent, textOf } from "../kit/clients.ts";
import { freePort } from "../kit/free-port.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";

const script = join(import.meta.dirname, "../kit/servers/stubborn.ts");
const thief = join(import.meta.dirname, "../kit/servers/socket-thief.ts");
let folder: string;
let gateway: TestGateway;
let port: number;
let agentToken: string;
let socket: string;
let operator: AdminClient;
let web: TestChild | undefined;

const file = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "gw-act-")));
  port = await freePort();
  gateway = await startGateway({
    program: "bun",
    policy: 'id: p\nallow: ["io/*", "web/*", "thief/*"]\n',
    config: {
      servers: {
        io: {
          command: [process.execPath, thief, "admin.sock"],
          protocol: "legacy",
          timeout: { idle: "1s", max: "30s" },
          // Idempotent, or the call after one that may have run would be refused (GW_MAY_HAVE_RUN).
          tools: { wait: { timeout: { idle: "1500ms", max: "1500ms" }, idempotent: true } },
        },
        web: { url: `http://127.0.0.1:${port}/mcp`, protocol: "legacy" },
        thief: { command: [process.execPath, thief, "admin.sock"], protocol: "legacy" },
        off: { command: [process.execPath, thief, "admin.sock"], disabled: true },
      },
    },
  });
  socket = join(gateway.folder, "admin.sock");
  agentToken = await gateway.key("executor", "agent");
  operator = adminClient({ socket, key: await gateway.key("operator", "ops") });
}, 30_000);
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await web?.kill9();
  rmSync(folder, { recursive: true, force: true });
}, 20_000);

const act = (path: string, body: object) => operator.post<LiveServer>(path, body);
const server = async (id: string) => {
  const { servers } = await operator.get<LiveSnapshot>(paths.snapshot);
  return servers.find((one) => one.id === id) as LiveServer;
};
async function until<T>(read: () => Promise<T | undefined | false>, ms = 8_000): Promise<T> {
  for (const end = performance.now() + ms; ; await Bun.sleep(10)) {
    const found = await read();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${read}`);
  }
}
const ready = (id: string) =>
  until(async () => {
    const row = await server(id);
    return row.state === "ready" && row.tools > 0 && row;
  });
/** The running call of a tool, once the server has it. */
const running = (tool: string) =>
  until(async () => {
    const { calls } = await operator.get<LiveSnapshot>(paths.snapshot);
    return calls.find((call) => call.tool === tool && call.stage === "server");
  });
test("retry: a server that came back is tried at once, and the answer says how it went", async () => {
  const down = await until(async () => {
    const row = await server("web");
    return row.state === "backoff" && row;
  });
  expect(down.trouble).toMatchObject({
    code: "GW_SERVER_REFUSED",
    fix: expect.stringContaining("authensor-gw servers retry web"),
    effect: "its tools are missing",
  });
  expect((await act(paths.serverRetry, { server: "web" })).state).toBe("backoff");
  web = startChild([process.execPath, script, file("web"), "http", String(port)]);
  await web.says(/listening/);
  const up = await act(paths.serverRetry, { server: "web" });
  expect([up.state, up.trouble, up.attempts]).toEqual(["ready", null, 0]);
  const listed = await ready("web");
  expect(listed.history.map(({ what }) => what).join("\n")).toMatch(
    /tools\/list: 3 in \d+ ms\nready, legacy 2025-11-25\n/,
  );
}, 20_000);

test("restart: another child, the old one is gone, calls of it end", async () => {
  await ready("io");
  const agent = await legacyAgent(gateway.url, agentToken);
  const before = (await server("io")).pid as number;
  const call = agent.callTool({ name: "io__wait", arguments: {} });
  await running("io/wait");
  const row = await act(paths.serverRestart, { server: "io" });
  expect(row.state).toBe("ready");
  expect(textOf(await call)).toContain("GW_UPSTREAM_LOST");
  expect(row.pid).not.toBe(before);
  expect(() => process.kill(before, 0)).toThrow();
  expect(row.history.some(({ what }) => what.startsWith("restart, by key k"))).toBe(true);
  await agent.close();
}, 20_000);

test("disable: its tools are gone for agents, its child too; enable brings both back", async () => {
  await ready("io");
  const agent = await legacyAgent(gateway.url, agentToken);
  const names = async () => (await agent.listTools()).tools.map(({ name }) => name);
  expect(await names()).toContain("io__try");
  const child = (await server("io")).pid as number;
  const off = await act(paths.serverDisable, { server: "io" });
  expect([off.state, off.pid, off.tools]).toEqual(["disabled", null, 0]);
  expect(off.trouble?.fix).toBe("authensor-gw servers enable io");
  // The log has what each change means, and what to do.
  const said = gateway
    .stderr()
    .split("\n")
    .find((line) => /"io".*"disabled"/.test(line));
  expect(JSON.parse(said ?? "{}")).toMatchObject({
    ...{ message: "server state", server: "io", cause: expect.stringContaining("disabled by key") },
    effect: "2 tools are not offered any more, to 1 key",
    fix: "authensor-gw servers enable io",
  });
  expect(() => process.kill(child, 0)).toThrow();
  expect(await names()).not.toContain("io__try");
  const refused = await agent.callTool({ name: "io__try", arguments: {} });
  expect(textOf(refused)).toMatch(
    /^GW_SERVER_DISABLED: Server "io" is disabled: disabled by key k\S+ \(ops\), since 2[\dT:-]+Z\. Try: authensor-gw servers enable io\. Receipt: /,
  );
  const [receipt] = await operator.get<ReceiptRow[]>(paths.receipts, { limit: "1" });
  expect(receipt).toMatchObject({ tool: "io/try", outcome: "upstream_down" });
  for (const path of [paths.serverRetry, paths.serverRestart]) {
    expect(act(path, { server: "io" })).rejects.toMatchObject({ code: "GW_SERVER_DISABLED" });
  }
  expect((await act(paths.serverEnable, { server: "io" })).state).toBe("ready");
  await ready("io");
  expect(await names()).toContain("io__try");
  await agent.close();
}, 20_000);

test("a server that the config disables is shown, and can be enabled for this run", async () => {
  const off = await server("off");
  expect([off.state, off.trouble]).toEqual(["disabled", null]);
  const agent = await legacyAgent(gateway.url, agentToken);
  const refused = textOf(await agent.callTool({ name: "off__try", arguments: {} }));
  await agent.close();
  for (const word of [
    ...["GW_SERVER_DISABLED", "`disabled: true` in the config, since 2", "servers enable off"],
    "take `disabled: true` out of servers.off in the config, then authensor-gw reload",
  ]) {
    expect(refused).toContain(word);
  }
  expect((await act(paths.serverEnable, { server: "off" })).state).toBe("ready");
  expect((await act(paths.serverDisable, { server: "off" })).state).toBe("disabled");
}, 20_000);

test("cancel: the agent is told that an operator did it, and why", async () => {
  await ready("io");
  const agent = await legacyAgent(gateway.url, agentToken);
  const call = agent.callTool({ name: "io__wait", arguments: {} });
  const { id, deadline, receipt } = await running("io/wait");
  expect(deadline).toMatchObject({ which: "max", limitMs: 1500 });
  expect(deadline?.setting).toBe("servers.io.tools.wait.timeout.max");
  await operator.post<LiveCall>(paths.callCancel, { call: id, reason: "wrong folder" });
  const said = textOf(await call);
  for (const word of ["GW_ENDED_BY_OPERATOR", "wrong folder", receipt ?? "?", "may have run"]) {
    expect(said).toContain(word);
  }
  const { calls } = await operator.get<LiveSnapshot>(paths.snapshot);
  expect(calls.find((one) => one.id === id)).toMatchObject({ stage: "over", outcome: "cancelled" });
  expect(operator.post(paths.callCancel, { call: id })).rejects.toMatchObject({
    code: "GW_CALL_UNKNOWN",
  });
  await agent.close();
}, 20_000);

test("extend: the call outlives its deadline", async () => {
  await ready("io");
  const agent = await legacyAgent(gateway.url, agentToken);
  const began = performance.now();
  const call = agent.callTool({ name: "io__wait", arguments: {} });
  const { id } = await running("io/wait");
  const row = await operator.post<LiveCall>(paths.callExtend, { call: id, ms: 2_500 });
  expect((row.deadline?.atMs ?? 0) - Date.now()).toBeGreaterThan(2_000);
  expect(textOf(await call)).toContain("GW_TIMEOUT_MAX");
  expect(performance.now() - began).toBeGreaterThan(2_400);
  await agent.close();
}, 20_000);

test("each of these has a receipt that names the key", async () => {
  const keys = await operator.get<readonly { id: string; name: string }[]>(paths.keys);
  const ops = keys.find(({ name }) => name === "ops")?.id ?? "?";
  await gateway.stop();
  const store = sqliteStore({ path: join(gateway.folder, "data/store.db") });
  const records: { action: string; key: string }[] = [];
  for (const chain of await store.chains()) {
    for (const { kind, body } of await store.records(chain, 0, 1_000)) {
      if (kind === "admin") records.push(JSON.parse(new TextDecoder().decode(body)));
    }
  }
  await store.close();
  for (const action of [
    ...["server.retry", "server.restart", "server.disable", "server.enable"],
    ...["call.cancel", "call.extend"],
  ]) {
    expect([action, records.some((one) => one.action === action && one.key === ops)]).toEqual([
      action,
      true,
    ]);
  }
  await gateway.restart();
}, 20_000);

test("a child of the same user reaches the socket and may read, but changes nothing", async () => {
  await ready("thief");
  const agent = await legacyAgent(gateway.url, agentToken);
  const found = JSON.parse(textOf(await agent.callTool({ name: "thief__try", arguments: {} })));
  expect(found.read).toBe(200);
  const changing = Object.entries(found.changes as Record<string, number>);
  expect(changing.length).toBeGreaterThanOrEqual(10);
  expect(changing.filter(([, status]) => status !== 401)).toEqual([]);
  await agent.close();
}, 20_000);
