/** Real servers: reference ones of the older era, SDK ones of either, over both transports. */

import { afterEach, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { freePort } from "../kit/free-port.ts";
import {
  callTool,
  httpUpstream,
  stdioUpstream,
  testUpstream,
  until,
  untilState,
} from "../kit/upstream.ts";

const open: Upstream[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
  for (const one of children.splice(0)) one.kill("SIGKILL");
});

const packages = join(import.meta.dir, "../../node_modules/@modelcontextprotocol");
const everything = join(packages, "server-everything/dist/index.js");
const sdkServer = join(import.meta.dir, "../kit/sdk-server.ts");
type Config = ReturnType<typeof httpUpstream>;

async function start(config: Config): Promise<Upstream> {
  const upstream = await testUpstream(config);
  open.push(upstream);
  upstream.start();
  await untilState(upstream, "ready");
  return upstream;
}

/** A server process that prints its port, or takes the one given. */
async function serve(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<ChildProcess> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env } as Record<string, string>,
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  await new Promise<void>((resolve) => {
    child.stdout?.once("data", () => resolve());
    child.stderr?.once("data", () => resolve());
  });
  return child;
}

const nextPort = async () => String(await freePort());

describe("legacy servers", () => {
  test("server-everything over stdio: tools with unknown members, a call, progress", async () => {
    const upstream = await start(stdioUpstream([process.execPath, everything, "stdio"]));
    expect(upstream.hello()).toMatchObject({ era: "legacy", protocol: "2025-11-25" });
    await checkEverything(upstream);
  });

  test("server-everything over HTTP", async () => {
    const port = await nextPort();
    await serve([everything, "streamableHttp"], { PORT: port });
    const upstream = await start(httpUpstream(`http://localhost:${port}/mcp`));
    expect(upstream.hello()?.era).toBe("legacy");
    await checkEverything(upstream);
  });

  test("server-memory and server-filesystem", async () => {
    const memory = await start(
      stdioUpstream([process.execPath, join(packages, "server-memory/dist/index.js")]),
    );
    expect((await callTool(memory, "read_graph")).text).toContain("entities");
    const folder = mkdtempSync(join(tmpdir(), "gw-files-"));
    writeFileSync(join(folder, "a.txt"), "grüße");
    const files = await start(
      stdioUpstream([process.execPath, join(packages, "server-filesystem/dist/index.js"), folder]),
    );
    const outcome = await callTool(files, "read_text_file", { path: join(folder, "a.txt") });
    expect(outcome.text).toContain("grüße");
    rmSync(folder, { recursive: true });
  });

  test("a v1 SDK server with sessions over HTTP: killed and back, the next call works", async () => {
    const port = await nextPort();
    const first = await serve([sdkServer, "v1-http", port]);
    const upstream = await start(httpUpstream(`http://127.0.0.1:${port}/`));
    expect((await callTool(upstream, "echo", { text: "hi" })).text).toContain("hi");
    first.kill("SIGKILL");
    await until(() => first.signalCode !== null);
    expect((await callTool(upstream, "echo")).text).toBe("GW_UPSTREAM_DOWN");
    expect(upstream.status().state).toBe("backoff");
    await serve([sdkServer, "v1-http", port]);
    await untilState(upstream, "ready", 5_000);
    expect((await callTool(upstream, "echo", { text: "again" })).text).toContain("again");
  }, 15_000);

  test("a v1 SDK server that lost its sessions is initialized anew", async () => {
    const port = await nextPort();
    const first = await serve([sdkServer, "v1-http", port, "no-changes"]);
    const upstream = await start(httpUpstream(`http://127.0.0.1:${port}/`));
    first.kill("SIGKILL");
    await until(() => first.signalCode !== null);
    await serve([sdkServer, "v1-http", port, "no-changes"]);
    expect((await callTool(upstream, "echo", { text: "again" })).text).toContain("again");
  }, 15_000);
});

describe("modern servers", () => {
  test("over HTTP: discover, list, call, list changes", async () => {
    const port = await nextPort();
    await serve([sdkServer, "v2-http", port]);
    const upstream = await start(httpUpstream(`http://127.0.0.1:${port}/mcp`));
    await checkModern(upstream);
  });

  test("over stdio: discover, list, call, list changes", async () => {
    await checkModern(await start(stdioUpstream([process.execPath, sdkServer, "v2-stdio"])));
  });

  test("a pinned era is not probed: a legacy client cannot use a modern-only server", async () => {
    const config = stdioUpstream([process.execPath, sdkServer, "v2-stdio"], { protocol: "legacy" });
    const upstream = await testUpstream(config);
    open.push(upstream);
    upstream.start();
    await untilState(upstream, "backoff");
    expect(upstream.status().cause).toContain("initialize");
  });
});

async function checkEverything(upstream: Upstream): Promise<void> {
  const tools = (await upstream.list("tools/list")).items;
  expect(tools.length).toBeGreaterThan(10);
  for (const { text, value } of tools) expect(JSON.parse(text)).toEqual(value);
  expect((await callTool(upstream, "echo", { message: "hällo" })).text).toContain("Echo: hällo");
  const args = { duration: 0.2, steps: 2 };
  const long = await callTool(upstream, "trigger-long-running-operation", args);
  expect(long.kind).toBe("response");
  expect(long.notifications.length).toBeGreaterThan(0);
  expect(long.notifications[0]).toContain("notifications/progress");
  expect((await upstream.list("resources/list")).items.length).toBeGreaterThan(0);
  expect(upstream.status()).toMatchObject({ state: "ready", inFlight: 0 });
}

async function checkModern(upstream: Upstream): Promise<void> {
  expect(upstream.hello()).toMatchObject({ era: "modern", protocol: "2026-07-28" });
  const lists: string[] = [];
  upstream.onChange((change) => {
    if (change.kind === "list") lists.push(change.method);
  });
  const before = (await upstream.list("tools/list")).items;
  expect((await callTool(upstream, "echo", { text: "hällo" })).text).toContain("hällo");
  // The subscription may need a moment before the change is made.
  await Bun.sleep(100);
  expect((await callTool(upstream, "add_tool")).kind).toBe("response");
  await until(() => lists.includes("tools/list"), 3_000);
  expect((await upstream.list("tools/list")).items.length).toBe(before.length + 1);
}
