/** A reload over real servers: who keeps process and calls, who hears of it, what bad files do. */

import { afterEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminClient } from "../../src/admin/client.ts";
import { type GatewayStatus, paths } from "../../src/admin/contract.ts";
import type { ReloadReport } from "../../src/admin/contract-reload.ts";
import { legacyAgent, modernAgent, textOf } from "../kit/clients.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { echo, everyFeatureStdio, everything } from "../kit/servers.ts";

const all = 'id: p\nallow: ["*"]\n';
type Servers = Record<string, object>;
const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

async function world(servers: Servers, policy = all, more: object = {}) {
  const gateway = await startGateway({ program: "bun", policy, config: { servers, ...more } });
  open.push(gateway);
  const client = adminClient({
    socket: join(gateway.folder, "admin.sock"),
    key: gateway.adminToken,
  });
  const status = () => client.get<GatewayStatus>(paths.status);
  return {
    gateway,
    status,
    server: async (id: string) => (await status()).servers.find((one) => one.id === id),
    write: (change: (config: Record<string, unknown>) => void) => write(gateway, change),
    reload: () => client.post<ReloadReport>(paths.reload, {}),
  };
}

/** The config is JSON, which is YAML too. */
function write(gateway: TestGateway, change: (config: Record<string, unknown>) => void): void {
  const config = JSON.parse(readFileSync(gateway.config, "utf8"));
  change(config);
  writeFileSync(gateway.config, JSON.stringify(config));
}

async function until(holds: () => unknown, ms = 10_000): Promise<void> {
  for (const end = performance.now() + ms; !(await holds()); await Bun.sleep(10)) {
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${holds}`);
  }
}

/** Tools as the agent sees them, and how often it was told that they changed. */
async function listening(agent: Awaited<ReturnType<typeof legacyAgent>>) {
  let told = 0;
  agent.fallbackNotificationHandler = async ({ method }) => {
    if (method === "notifications/tools/list_changed") told += 1;
  };
  const tools = async () => (await agent.listTools()).tools.map(({ name }) => name).sort();
  return { tools, told: () => told };
}

test("unchanged servers keep process, sessions and calls; a changed one drains", async () => {
  const slow = everything();
  const { gateway, server, write, reload } = await world({ keep: everything(), slow });
  const agent = await legacyAgent(gateway.url, await gateway.key("executor"));
  for (const id of ["slow", "keep"]) await until(async () => (await server(id))?.tools);
  const before = { keep: (await server("keep"))?.pid, slow: (await server("slow"))?.pid };
  const long = (name: string) =>
    agent.callTool({
      name: `${name}__trigger-long-running-operation`,
      arguments: { duration: 3, steps: 2 },
    });
  const calls = [long("keep"), long("slow")];
  await until(async () => (await server("slow"))?.inFlight === 1);

  write((config) => {
    (config["servers"] as Servers)["slow"] = { ...slow, env: { CHANGED: "1" } };
  });
  const dry = await gateway.cli("reload", "--dry-run");
  expect(dry.stdout).toContain("Restarts slow (1 in flight; env).");
  expect([dry.code, (await server("slow"))?.pid]).toEqual([0, before.slow]);
  const report = await reload();
  expect(report.servers).toEqual([{ id: "slow", action: "restart", keys: ["env"], inFlight: 1 }]);

  const now = await server("slow");
  expect(now?.pid).not.toBe(before.slow);
  expect(now?.instances?.map(({ pid, inFlight }) => [pid, inFlight])).toEqual([[before.slow, 1]]);
  const env = textOf(await agent.callTool({ name: "slow__get-env", arguments: {} }));
  expect(env).toContain("CHANGED");
  for (const answer of await Promise.all(calls)) expect(textOf(answer)).toContain("completed");
  expect((await server("keep"))?.pid).toBe(before.keep);
  // Then the old process is ended.
  await until(async () => (await server("slow"))?.instances?.length === 0);
  await until(() => !isAlive(before.slow ?? 0));
  await agent.close();
}, 40_000);

test("one list_changed to the keys that see a difference, and to nobody else", async () => {
  const two = { a: echo(), b: everything() };
  const { gateway, server, write, reload } = await world(
    two,
    'id: p\nrules:\n  - { id: a, effect: allow, tools: ["a/*", "c/*"], who: { keys: [one] } }\n' +
      '  - { id: b, effect: allow, tools: ["b/*"], who: { keys: [two] } }\n',
  );
  const one = await legacyAgent(gateway.url, await gateway.key("executor", "one"));
  const other = await legacyAgent(gateway.url, await gateway.key("executor", "two"));
  for (const id of ["a", "b"]) await until(async () => (await server(id))?.tools);
  const [first, second] = [await listening(one), await listening(other)];
  expect(await first.tools()).toEqual(["a__echo"]);
  expect((await second.tools()).length).toBeGreaterThan(3);
  await Bun.sleep(500);

  write((config) => {
    config["servers"] = { ...two, c: echo() };
  });
  const dry = await gateway.cli("reload", "--dry-run", "--json");
  expect(JSON.parse(dry.stdout)).toMatchObject({
    changed: true,
    servers: [{ id: "c", action: "add" }],
  });
  await reload();
  await until(() => first.told() === 1);
  expect(await first.tools()).toEqual(["a__echo", "c__echo"]);

  // One goes, and the policy takes another at the same time.
  write((config) => {
    config["servers"] = { a: echo(), b: everything() };
  });
  const file = join(gateway.folder, "policy.yaml");
  writeFileSync(file, `${readFileSync(file, "utf8")}deny: [a/echo]\n`);
  const both = await gateway.cli("reload", "--dry-run");
  expect(both.stdout).toContain("Removes c (0 in flight).");
  expect(both.stdout).toContain("2 tools go for 1 key.");
  await reload();
  await until(() => first.told() === 2);
  expect(await first.tools()).toEqual([]);
  await Bun.sleep(700);
  expect([first.told(), second.told()]).toEqual([2, 0]);
  await one.close();
  await other.close();
}, 40_000);

test("a server disabled in the config takes nothing new at once; its call in flight ends", async () => {
  const entry = everything();
  const { gateway, server, write, reload } = await world({ off: entry });
  const agent = await legacyAgent(gateway.url, await gateway.key("executor"));
  await until(async () => (await server("off"))?.tools);
  const { pid } = (await server("off")) ?? {};
  const long = agent.callTool({
    name: "off__trigger-long-running-operation",
    arguments: { duration: 2, steps: 1 },
  });
  await until(async () => (await server("off"))?.inFlight === 1);
  const disable = (disabled: boolean) =>
    write((config) => {
      (config["servers"] as Servers)["off"] = { ...entry, disabled };
    });
  disable(true);
  const began = performance.now();
  expect(await reload()).toMatchObject({ servers: [{ id: "off", action: "disable" }] });
  expect(performance.now() - began).toBeLessThan(2000);
  expect(await server("off")).toMatchObject({ state: "disabled", tools: 0 });
  expect((await agent.listTools()).tools).toEqual([]);
  const refused = await agent.callTool({ name: "off__echo", arguments: { message: "x" } });
  expect([refused.isError, textOf(refused)]).toEqual([true, expect.stringContaining("disabled")]);
  expect(textOf(await long)).toContain("completed");
  await until(() => !isAlive(pid ?? 0));
  disable(false);
  await reload();
  await until(async () => (await server("off"))?.state === "ready");
  await agent.close();
}, 40_000);

test("timeouts and max_in_flight are in force without another process", async () => {
  // Of its own: it is at the server for longer than the other one waits.
  const tools = { "trigger-long-running-operation": { timeout: "2s" } };
  const entry = { ...everything(), tools };
  const { gateway, server, write, reload } = await world({ slow: entry });
  const agent = await modernAgent(gateway.url, await gateway.key("executor"));
  await until(async () => (await server("slow"))?.tools);
  const pid = (await server("slow"))?.pid;
  write((config) => {
    (config["servers"] as Servers)["slow"] = { ...entry, timeout: "300ms", max_in_flight: 1 };
  });
  const { servers } = await reload();
  expect(servers).toEqual([
    { id: "slow", action: "update", keys: ["timeout", "max_in_flight"], inFlight: 0 },
  ]);
  const long = agent.callTool({
    name: "slow__trigger-long-running-operation",
    arguments: { duration: 10, steps: 1 },
  });
  await until(async () => (await server("slow"))?.inFlight);
  const waits = await agent.callTool({ name: "slow__echo", arguments: { message: "a" } });
  expect(textOf(waits)).toMatch(/servers\.slow\.timeout\.idle is 0\.3 s.*max_in_flight is 1/);
  expect(textOf(await long)).toContain("GW_TIMEOUT_IDLE");
  expect((await server("slow"))?.pid).toBe(pid);
  await agent.close();
}, 40_000);

test("max_queued and calls_per_key are in force for the next call, in the same process", async () => {
  const entry = { ...everything(), max_in_flight: 1, max_queued: 5 };
  const { gateway, server, write, reload } = await world({ slow: entry });
  const agent = await modernAgent(gateway.url, await gateway.key("executor"));
  await until(async () => (await server("slow"))?.tools);
  const pid = (await server("slow"))?.pid;
  const long = async () => {
    const args = { duration: 2, steps: 1 };
    const name = "slow__trigger-long-running-operation";
    return agent.callTool({ name, arguments: args }).then(textOf, String);
  };
  const busy = () => until(async () => (await server("slow"))?.inFlight);
  const before = [long(), long()];
  await busy();
  write((config) => {
    (config["servers"] as Servers)["slow"] = { ...entry, max_queued: 0 };
  });
  expect((await reload()).servers).toMatchObject([{ action: "update", keys: ["max_queued"] }]);
  expect(await long()).toMatch(/GW_UPSTREAM_BUSY.*servers\.slow\.max_queued is 0/);
  // Who waited already keeps his place.
  expect((await Promise.all(before)).join("\n")).not.toContain("GW_");
  write((config) => {
    config["limits"] = { calls_per_key: 1 };
  });
  expect((await reload()).settings).toEqual(["limits.calls_per_key"]);
  const one = long();
  await busy();
  expect(await long()).toMatch(/GW_KEY_BUSY/);
  expect(await one).not.toContain("GW_");
  expect((await server("slow"))?.pid).toBe(pid);
  await agent.close();
}, 40_000);

test("a bad file changes nothing, says where, is shown, and a good one clears it", async () => {
  const { gateway, status, reload } = await world({ a: echo() });
  const good = readFileSync(gateway.config, "utf8");
  const bad = good.replace('"servers":', '"serverz":');
  writeFileSync(gateway.config, bad);
  const dry = await gateway.cli("reload", "--dry-run");
  expect([dry.code, dry.stderr]).toEqual([1, expect.stringContaining('did you mean "servers"')]);
  await expect(reload()).rejects.toThrow("Cannot load the config");
  const { fault } = (await status()).reload;
  expect(fault).toMatch(/authensor-gw\.yaml:\d+:\d+ GW_CONFIG: .*serverz/);
  expect((await status()).servers.map(({ id }) => id)).toEqual(["a"]);
  writeFileSync(gateway.config, good);
  const shown = await gateway.cli("status");
  expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining("serverz")]);
  const line = gateway
    .stderr()
    .split("\n")
    .find((one) => one.includes("reload refused"));
  expect(JSON.parse(line ?? "{}")).toMatchObject({
    at: expect.stringMatching(/authensor-gw\.yaml:\d+:\d+$/),
  });
  // A header that cannot be sent is found before anything is touched, too.
  const servers = {
    a: { ...echo(), env: { A: "1" } },
    h: { url: "http://h", headers: { A: "ä" } },
  };
  writeFileSync(gateway.config, JSON.stringify({ ...JSON.parse(good), servers }));
  await expect(reload()).rejects.toThrow();
  writeFileSync(gateway.config, good);
  expect((await reload()).changed).toBe(false);
  expect((await status()).reload.fault).toBeNull();
}, 40_000);

test("a config that does not load hides the running gateway from no command", async () => {
  const { gateway, status } = await world({ a: echo() });
  const key = join(gateway.folder, "one.key");
  writeFileSync(key, await gateway.key("executor", "one"), { mode: 0o600 });
  await until(async () => (await status()).servers[0]?.tools);
  const good = readFileSync(gateway.config, "utf8");
  for (const bad of [good.replace('"servers":', '"serverz":'), `${good}]: {`]) {
    writeFileSync(gateway.config, bad);
    const shown = await gateway.cli("status");
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining("pid")]);
    expect(shown.stderr).toMatch(/^note: .*authensor-gw\.yaml:\d+:\d+ GW_CONFIG/);
    const off = await gateway.cli("servers", "disable", "a");
    expect([off.code, off.stdout]).toEqual([0, expect.stringContaining("a is disabled")]);
    expect((await gateway.cli("servers", "enable", "a")).code).toBe(0);
    const args = ["--args", '{"text":"hi"}', "--key-file", key];
    const called = await gateway.cli("tools", "call", "a/echo", ...args);
    expect([called.code, called.stdout]).toEqual([0, expect.stringContaining("hi")]);
    const refused = await gateway.cli("reload");
    expect([refused.code, refused.stderr]).toEqual([78, expect.stringContaining("GW_CONFIG")]);
    expect((await status()).reload.fault).toMatch(/authensor-gw\.yaml:\d+:\d+/);
    const found = await gateway.cli("doctor", "--json");
    expect(found.stdout).toContain("the gateway runs on, but will not start again");
    expect(found.stdout).not.toContain("no agent can connect");
  }
  await gateway.stop();
  const gone = await gateway.cli("status");
  expect([gone.code, gone.stderr]).toEqual([78, expect.stringContaining("GW_CONFIG")]);
}, 60_000);

test("SIGHUP and reload.watch load config and policy; a bad file is told once", async () => {
  const watching = { reload: { watch: true } };
  const { gateway, server, status, write } = await world({ a: echo() }, all, watching);
  const child = gateway.child();
  write((config) => {
    config["servers"] = { a: echo(), b: echo() };
  });
  child.process.kill("SIGHUP");
  await until(async () => (await server("b"))?.state === "ready");
  write((config) => {
    config["servers"] = { a: echo(), c: echo() };
  });
  await until(async () => (await server("c"))?.state === "ready");
  expect(await server("b")).toBeUndefined();
  const file = join(gateway.folder, "policy.yaml");
  writeFileSync(file, `${all}alow: []\n`);
  await until(async () => (await status()).reload.fault?.includes("policy.yaml:3:1"));
  writeFileSync(file, `${all}deny: [c/echo]\n`);
  await until(async () => (await status()).reload.fault === null);
  expect((await status()).policy.rules).toBe(2);
  expect(gateway.stderr().match(/reload refused/g)?.length).toBe(1);
  const told = gateway
    .stderr()
    .split("\n")
    .filter((line) => line.includes('"reloaded"'));
  expect(told.map((line) => JSON.parse(line).by)).toEqual(["SIGHUP", "file watch", "file watch"]);
}, 40_000);

test("a file that was cut to nothing, or holds comments only, ends no server", async () => {
  const { gateway, server, status, reload } = await world({ a: echo() });
  await until(async () => (await server("a"))?.state === "ready");
  const good = readFileSync(gateway.config, "utf8");
  for (const text of ["", "# soon\n", "{}", "null"]) {
    writeFileSync(gateway.config, text);
    await expect(reload()).rejects.toThrow("Cannot load the config");
    expect((await status()).reload.fault).toContain("has no keys");
    expect((await server("a"))?.state).toBe("ready");
  }
  writeFileSync(gateway.config, good);
  expect(await reload()).toMatchObject({ changed: false });
}, 40_000);

test("a reload that comes while the gateway stops starts nothing", async () => {
  const { gateway, server, write } = await world({ a: echo() });
  await until(async () => (await server("a"))?.state === "ready");
  write((config) => {
    config["servers"] = { a: echo(), late: echo() };
  });
  const { process: child } = gateway.child();
  child.kill("SIGTERM");
  for (let count = 0; count < 5; count += 1) {
    child.kill("SIGHUP");
    await Bun.sleep(2);
  }
  expect(await gateway.child().ended).toBe(0);
  expect(gateway.stderr()).toContain('"stopped"');
  expect(gateway.stderr()).not.toContain('"late"');
}, 40_000);

test("what needs a restart stays and is told; the rest is in force", async () => {
  const { gateway, status, write, reload } = await world({ a: echo() });
  write((config) => {
    config["listen"] = "localhost:1";
    config["log"] = { level: "warn" };
  });
  const report = await reload();
  expect([report.settings, report.restart]).toEqual([["log.level"], ["listen"]]);
  expect((await status()).reload.restart).toEqual(["listen"]);
  expect((await fetch(`${gateway.url}/health`)).ok).toBe(true);
  expect(gateway.stderr()).toContain("GW_RELOAD_RESTART");
  const again = await gateway.cli("reload", "--dry-run");
  expect(again.stdout).toContain("Nothing that is in force changes.");
  expect(again.stdout).toContain("Needs a restart of the gateway: listen.");
  expect(again.code).toBe(0);
}, 40_000);

test("a server that is reached in another way now: no call fails, no newline slips through", async () => {
  const { gateway, server, write, reload } = await world({ a: everyFeatureStdio("legacy") });
  const agent = await legacyAgent(gateway.url, await gateway.key("executor"));
  await until(async () => (await server("a"))?.tools);
  const { everyFeature } = await import("../kit/servers.ts");
  await using http = await everyFeature("legacy");
  write((config) => {
    config["servers"] = { a: { url: http.url } };
  });
  const { servers } = await reload();
  expect(servers[0]?.action).toBe("replace");
  const names = (await agent.listTools()).tools.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(3);
  await until(async () => (await server("a"))?.transport === "http");
  write((config) => {
    config["servers"] = {};
  });
  await reload();
  expect((await agent.listTools()).tools).toEqual([]);
  await agent.close();
}, 40_000);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
