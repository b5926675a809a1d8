/** Servers that come, go, hang and cling: what agents see of it, and that no child is left. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { startChild, type TestChild } from "../kit/child.ts";
import { legacyAgent, modernAgent, textOf } from "../kit/clients.ts";
import { freePort } from "../kit/free-port.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";

const script = join(import.meta.dirname, "../kit/servers/stubborn.ts");
let folder: string;
let gateway: TestGateway;
let port: number;
let token: string;
let web: TestChild;

const file = (name: string) => join(folder, name);
const startWeb = () => startChild([process.execPath, script, file("web"), "http", String(port)]);
const said = (name: string, word: string) =>
  readFileSync(file(name), "utf8")
    .split("\n")
    .filter((line) => line.startsWith(word));

async function until(holds: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  for (const end = performance.now() + ms; ; await Bun.sleep(10)) {
    if (await holds()) return;
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${holds}`);
  }
}

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "gw-heal-")));
  for (const name of ["io", "web"]) writeFileSync(file(name), "");
  port = await freePort();
  gateway = await startGateway({
    policy: 'id: p\nrules: [{ id: r, effect: allow, tools: ["*/*"], other_args: any }]\n',
    env: { GW_CANARY_SECRET: "canary-5f1d", LC_TIME: "C", TZ: "UTC", LANG: "C.UTF-8" },
    config: {
      servers: {
        io: {
          command: [process.execPath, script, file("io"), "stdio"],
          env: { DECLARED: "yes" },
          protocol: "legacy",
          timeout: { idle: "20s", max: "30s" },
          tools: { wait: { timeout: { max: "700ms" } } },
        },
        web: { url: `http://127.0.0.1:${port}/mcp`, protocol: "legacy", timeout: "5s" },
      },
    },
  });
  token = await gateway.key("executor", "agent");
}, 30_000);
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await web?.kill9();
  rmSync(folder, { recursive: true, force: true });
}, 20_000);

test("a server that is down does not stop the start; its tools come with list_changed", async () => {
  const legacy = await legacyAgent(gateway.url, token);
  const modern = await modernAgent(gateway.url, token);
  const changed = { legacy: 0, modern: 0 };
  legacy.fallbackNotificationHandler = async ({ method }) => {
    if (method === "notifications/tools/list_changed") changed.legacy++;
  };
  modern.fallbackNotificationHandler = async ({ method }) => {
    if (method === "notifications/tools/list_changed") changed.modern++;
  };
  const subscription = await modern.listen({ toolsListChanged: true });
  const names = async (agent: typeof legacy | typeof modern) =>
    (await agent.listTools()).tools.map((tool) => tool.name);
  await until(async () => (await names(legacy)).includes("io__env"));
  expect((await names(legacy)).some((name) => name.startsWith("web__"))).toBe(false);
  // It is not `required`, so the gateway is ready without it.
  expect((await fetch(`${gateway.url}/ready`)).status).toBe(200);
  // The GET stream of the SDK opens after its initialize.
  await until(async () => {
    const status = await gateway.cli("status", "--json");
    return JSON.parse(status.stdout).streams >= 2;
  });
  const before = { ...changed };
  web = startWeb();
  await until(() => changed.legacy > before.legacy && changed.modern > before.modern);
  expect(await names(legacy)).toContain("web__env");
  expect(await names(modern)).toContain("web__env");
  await subscription.close();
  await legacy.close();
  await modern.close();
}, 30_000);

test("a child that dies in a call is lost, said so, and comes back", async () => {
  const agent = await legacyAgent(gateway.url, token);
  const lost = await agent.callTool({ name: "io__die", arguments: {} });
  expect(textOf(lost)).toContain("GW_UPSTREAM_LOST");
  await until(async () => {
    const again = await agent.callTool({ name: "io__env", arguments: {} });
    return again.isError !== true;
  });
  expect(said("io", "pid").length).toBeGreaterThan(1);
  await agent.close();
}, 30_000);

test("timeouts name their setting, of the tool and of the server", async () => {
  const agent = await legacyAgent(gateway.url, token);
  const tool = await agent.callTool({ name: "io__wait", arguments: {} });
  expect(textOf(tool)).toContain("GW_TIMEOUT_MAX");
  expect(textOf(tool)).toContain("servers.io.tools.wait.timeout.max");
  const server = await agent.callTool({ name: "web__wait", arguments: {} });
  expect(textOf(server)).toContain("GW_TIMEOUT_IDLE");
  expect(textOf(server)).toContain("servers.web.timeout");
  await agent.close();
}, 30_000);

describe("a call that its agent gives up", () => {
  const cancelled = (name: string) => said(name, name === "io" ? "cancelled" : "c").length;
  for (const era of ["legacy", "modern"] as const) {
    for (const name of ["io", "web"]) {
      test(`${era}: reaches ${name}`, async () => {
        const connect = era === "legacy" ? legacyAgent : modernAgent;
        const agent = await connect(gateway.url, token);
        const before = cancelled(name);
        const abort = new AbortController();
        // The one of before timed out: the same again would be refused once.
        const call = { name: `${name}__wait`, arguments: { era } };
        const options = { signal: abort.signal };
        const ended = (
          era === "legacy"
            ? (agent as Awaited<ReturnType<typeof legacyAgent>>).callTool(call, undefined, options)
            : (agent as Awaited<ReturnType<typeof modernAgent>>).callTool(call, options)
        ).then(
          () => "answered",
          () => "given up",
        );
        setTimeout(() => abort.abort(), 200);
        expect(await ended).toBe("given up");
        await until(() => cancelled(name) > before, 400);
        await agent.close();
      }, 20_000);
    }
  }
});

describe("U9 a child's environment", () => {
  const allowed = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "DECLARED"];
  // Whose child it is, and no secret: strays are found by it (U11).
  allowed.push("AUTHENSOR_GW_OWNER");
  test("is the short list and what is declared, and not its parent's", async () => {
    const agent = await legacyAgent(gateway.url, token);
    const { own, parent, uid } = JSON.parse(
      textOf(await agent.callTool({ name: "io__env", arguments: {} })),
    );
    const others = Object.keys(own).filter(
      (name) => !allowed.includes(name) && !name.startsWith("LC_"),
    );
    expect(others).toEqual([]);
    expect(own).toMatchObject({ DECLARED: "yes", LC_TIME: "C", TZ: "UTC" });
    expect(JSON.stringify(own)).not.toContain("canary-5f1d");
    // Root reads every process; for anybody else a process that is not dumpable is closed.
    if (uid === 0) expect(parent).toContain("canary-5f1d");
    else expect(parent).toBe("EACCES");
    await agent.close();
  });
});

describe("children that ignore TERM and the end of stdin are gone within 5 s", () => {
  const alive = () => {
    const pid = Number(said("io", "pid").at(-1)?.slice(4));
    try {
      process.kill(pid, 0);
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false; // ESRCH, ENOENT: gone
    }
  };
  for (const end of ["kill9", "stop"] as const) {
    test(`after ${end} of the gateway`, async () => {
      if (gateway.child().process.exitCode !== null || gateway.child().process.signalCode !== null)
        await gateway.restart();
      await until(async () => {
        const status = await gateway.cli("status", "--json");
        const { servers }: { servers: { id: string; state: string }[] } = JSON.parse(status.stdout);
        return servers.some(({ id, state }) => id === "io" && state === "ready");
      });
      expect(alive()).toBe(true);
      const began = performance.now();
      await gateway[end]();
      await until(() => !alive(), 6_000);
      expect(performance.now() - began).toBeLessThan(5_000);
    }, 20_000);
  }
});
