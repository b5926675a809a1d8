/** Lists when servers hang, come late or are away: what a new client gets, and how soon. */

import { afterAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type FaultServer, faultServer, json, okResult } from "../kit/fault-server.ts";
import { freePort } from "../kit/free-port.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { rawAgent } from "../kit/raw-agent.ts";

const policy = 'id: t\nallow: ["*"]\n';
const inputSchema = { type: "object", properties: {} };
const undo: (() => unknown)[] = [];
afterAll(async () => {
  for (const one of undo.reverse()) await one();
}, 30_000);

/** A modern server with these tools. */
async function toolServer(tools: readonly string[], port?: number): Promise<FaultServer> {
  const server = await faultServer(
    (socket, request) => {
      const { id, method } = request;
      const listed = tools.map((name) => ({ name, inputSchema }));
      const result = { resultType: "complete", tools: listed, ttlMs: 0, cacheScope: "private" };
      const answer = method === "tools/list" ? { jsonrpc: "2.0", id, result } : okResult(request);
      socket.write(json(answer));
    },
    { handles: ["tools/list", "tools/call"], ...(port !== undefined && { port }) },
  );
  undo.push(() => server.close());
  return server;
}

/** Accepts, and says nothing. */
async function hungServer(): Promise<string> {
  const server = createServer((socket) => void undo.push(() => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/mcp`;
}

async function gatewayOf(servers: Readonly<Record<string, object>>): Promise<TestGateway> {
  const gateway = await startGateway({ config: { servers }, policy });
  undo.push(() => gateway[Symbol.asyncDispose]());
  return gateway;
}

/** A new client's first list, and how long it took. */
async function firstList(gateway: TestGateway, token: string) {
  const agent = await rawAgent(gateway.url, token, { era: "modern" });
  const began = performance.now();
  const { answer } = await agent.ask("tools/list");
  const ms = performance.now() - began;
  const { tools = [] } = (answer?.result ?? {}) as { tools?: readonly { name: string }[] };
  return { ms, names: tools.map(({ name }) => name), agent };
}

async function untilListed(gateway: TestGateway, token: string, name: string): Promise<number> {
  const began = performance.now();
  const { agent } = await firstList(gateway, token);
  while (!(await agent.ask("tools/list")).text.includes(`"${name}"`)) {
    if (performance.now() - began > 10_000) throw new Error(`"${name}" is not listed`);
    await Bun.sleep(20);
  }
  return performance.now() - began;
}

describe("lists", () => {
  test("20 servers, one hung: a new client has its list within 50 ms", async () => {
    const good = await Promise.all(Array.from({ length: 19 }, () => toolServer(["a", "b"])));
    const all = good.map(({ url }, n) => [`s${n}`, { url }] as const);
    const hung = { url: await hungServer() };
    const gateway = await gatewayOf({ ...Object.fromEntries(all), hung });
    const token = await gateway.key("executor");
    // Once after the start, whoever asks first: servers in their first start are waited for.
    const start = await firstList(gateway, token);
    expect(start.names).toHaveLength(38);
    expect(start.ms).toBeLessThan(2_200);
    const times: number[] = [];
    for (let n = 0; n < 10; n += 1) times.push((await firstList(gateway, token)).ms);
    process.stdout.write(`  first lists beside a hung server: ${times.map(Math.round)} ms\n`);
    expect(Math.min(...times)).toBeLessThan(50);
    expect(times.sort((a, b) => a - b)[5]).toBeLessThan(50);
  }, 60_000);

  test("a server that comes late is listed within 2 s, without a restart", async () => {
    const port = await freePort();
    const gateway = await gatewayOf({ late: { url: `http://127.0.0.1:${port}/mcp` } });
    const token = await gateway.key("executor");
    const first = await firstList(gateway, token);
    expect(first.names).toEqual([]);
    // One in backoff is waited for by nobody.
    expect((await firstList(gateway, token)).ms).toBeLessThan(500);
    await Bun.sleep(2_500);
    await toolServer(["x"], port);
    const ms = await untilListed(gateway, token, "late__x");
    process.stdout.write(`  a late server's tools: after ${Math.round(ms)} ms\n`);
    expect(ms).toBeLessThan(2_000);
  }, 60_000);

  test("a restart with servers down lists what was kept; a call tries at once", async () => {
    const port = await freePort();
    const server = await toolServer(["x", "y"], port);
    const gateway = await gatewayOf({ files: { url: `http://127.0.0.1:${port}/mcp` } });
    const token = await gateway.key("executor");
    await untilListed(gateway, token, "files__x");
    const kept = join(gateway.folder, "data/lists/files.tools-list");
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    await gateway.kill9();
    await server.close();
    await gateway.restart();
    // /health answers while the store is being opened.
    while (!(await fetch(`${gateway.url}/ready`)).ok) await Bun.sleep(5);
    const { ms, names, agent } = await firstList(gateway, token);
    process.stdout.write(`  after a restart, the server down: ${Math.round(ms)} ms\n`);
    expect(names).toEqual(["files__x", "files__y"]);
    expect(ms).toBeLessThan(50);
    await expect(agent.call("files__x", {})).rejects.toThrow("GW_UPSTREAM_DOWN");
    const shown = JSON.parse((await gateway.cli("servers", "show", "files", "--json")).stdout);
    expect(shown.list.stale).toBeString();
    await toolServer(["x", "z"], port);
    // The call makes the attempt that the timer would have made later.
    expect((await agent.call("files__x", {})).text).toBe("ok");
    expect(await untilListed(gateway, token, "files__z")).toBeLessThan(2_000);
    const after = JSON.parse((await gateway.cli("servers", "show", "files", "--json")).stdout);
    expect(after.list.stale).toBeNull();
  }, 60_000);
});
