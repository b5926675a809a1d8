/** A reload whose servers do not come up: what it says, and what is said of them meanwhile. */

import { afterEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminClient } from "../../src/admin/client.ts";
import { type GatewayStatus, type LiveSnapshot, paths } from "../../src/admin/contract.ts";
import type { ReloadReport } from "../../src/admin/contract-reload.ts";
import { limits } from "../../src/base/limits.ts";
import { freePort } from "../kit/free-port.ts";
import { startGateway } from "../kit/gateway.ts";
import { echo, everyFeature, everythingHttp } from "../kit/servers.ts";

type Servers = Record<string, object>;
const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

async function world(servers: Servers) {
  const policy = 'id: p\nallow: ["*"]\n';
  const gateway = await startGateway({ program: "bun", policy, config: { servers } });
  open.push(gateway);
  const client = adminClient({
    socket: join(gateway.folder, "admin.sock"),
    key: gateway.adminToken,
  });
  const live = async (id: string) => {
    const { servers } = await client.get<LiveSnapshot>(paths.snapshot);
    return servers.find((one) => one.id === id);
  };
  for (const id of Object.keys(servers)) await until(async () => (await live(id))?.state);
  return {
    ...{ gateway, live },
    status: () => client.get<GatewayStatus>(paths.status),
    reload: () => client.post<ReloadReport>(paths.reload, {}),
    /** The config is JSON, which is YAML too. */
    write(servers: Servers) {
      const config = JSON.parse(readFileSync(gateway.config, "utf8"));
      writeFileSync(gateway.config, JSON.stringify({ ...config, servers }));
    },
  };
}

async function until(holds: () => unknown, ms = 10_000): Promise<void> {
  for (const end = performance.now() + ms; !(await holds()); await Bun.sleep(10)) {
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${holds}`);
  }
}

/** Takes what comes and says nothing. */
const silent = { command: process.execPath, args: ["-e", "setInterval(() => {}, 1000)"] };

test("a server that fails while a reload waits for others asks for no reload", async () => {
  const { gateway, write, reload, live } = await world({ a: echo() });
  const url = `http://127.0.0.1:${await freePort()}/mcp`;
  write({ a: echo(), dead: { url }, slow: silent });
  const done = reload();
  await until(async () => (await live("dead"))?.trouble);
  const { trouble, history = [] } = (await live("dead")) ?? {};
  expect(trouble?.fix).toContain("start the server");
  const said = [trouble?.fix, ...history.map(({ fix }) => fix), gateway.stderr()].join("\n");
  expect(said).toContain("correct the port in servers.dead.url");
  expect(said).not.toContain("the config was changed since it was read");
  await done;
}, 40_000);

test("a changed server that does not come up is told everywhere; the one before goes on", async () => {
  await using before = await everyFeature("legacy");
  const port = await freePort();
  const { gateway, write, reload, live, status } = await world({ every: { url: before.url } });
  await until(async () => (await live("every"))?.tools);
  const url = `http://127.0.0.1:${port}/mcp`;
  write({ every: { url } });
  const began = performance.now();
  const report = await reload();
  expect(performance.now() - began).toBeLessThan(3_000);
  const [{ notUp } = {}] = report.servers;
  expect(notUp).toMatchObject({ state: "backoff", cause: expect.stringContaining("ECONNREFUSED") });
  expect(notUp?.fix).toContain("correct the port in servers.every.url");
  const left = (notUp?.untilMs ?? 0) - Date.now();
  expect([left > 50_000, left <= limits.handoverMs]).toEqual([true, true]);

  const row = await live("every");
  expect(row).toMatchObject({ state: "ready", target: url, handover: { from: before.url } });
  expect(row?.trouble).toMatchObject({ code: "GW_SERVER_REFUSED" });
  const [inStatus] = (await status()).servers;
  expect(inStatus).toMatchObject({ state: "ready", handover: { untilMs: notUp?.untilMs } });
  const cli = async (line: string) => (await gateway.cli(...line.split(" "))).stdout;
  const until60 = /calls go to the one from before for \d+ s more at most/;
  for (const line of ["servers list", "status"]) {
    expect(await cli(line)).toMatch(/what the reload started is not up.*ECONNREFUSED/);
    expect(await cli(line)).toMatch(until60);
  }
  const shown = await cli("servers show every");
  expect(shown).toMatch(/^state +ready for \d+ s, from before the reload$/m);
  expect(shown).toMatch(/^new one +(backoff|starting) for \d+ s.*at the latest in \d+ s$/m);
  expect(shown).toContain(`all else here is of it, ${before.url}`);
  expect(shown).toMatch(/^effect +calls go to the one from before the reload until .*Z; then/m);
  const { findings } = JSON.parse(await cli("doctor --json"));
  expect(findings.find(({ link }: { link: string }) => link === "server")).toMatchObject({
    ...{ severity: "warning", code: "GW_SERVER_REFUSED" },
    since: expect.stringMatching(/^the reload at /),
    effect: expect.stringMatching(/^calls go to the one from before that reload until /),
  });

  const after = await everythingHttp(port);
  await until(async () => (await live("every"))?.handover === undefined, 20_000);
  expect(await live("every")).toMatchObject({ state: "ready", trouble: null, target: after.url });
  await after.stop();
}, 60_000);

test("reload says which of the servers it started are not up, and which the config disables", async () => {
  const { gateway, write } = await world({ a: echo() });
  write({ a: echo(), off: { ...echo(), disabled: true }, gone: { command: ["no-such"] } });
  const dry = (await gateway.cli("reload", "--dry-run")).stdout;
  expect(dry).toContain("Adds off (disabled in the config), adds gone (its tools are known when");
  const { code, stdout } = await gateway.cli("reload");
  expect([code, stdout]).toEqual([
    0,
    expect.stringContaining("off (disabled in the config), adds"),
  ]);
  expect(stdout).toMatch(/^gone is not up yet \(backoff\): it could not be started: .*ENOENT/m);
  expect(stdout).toMatch(/^ {2}Try: .*correct servers.gone.command/m);
  expect(stdout).not.toContain("the one from before");
}, 40_000);

test("a changed command that ends: its own last words, while the process from before goes on", async () => {
  const { gateway, write, reload, live } = await world({ a: echo() });
  await until(async () => (await live("a"))?.tools);
  const { pid } = (await live("a")) ?? {};
  write({ a: { command: ["sh", "-c", "echo bad luck >&2; exit 3"] } });
  await reload();
  await until(async () => (await live("a"))?.handover?.stderr.length);
  expect(await live("a")).toMatchObject({ state: "ready", pid, stderr: [] });
  const { stdout } = await gateway.cli("servers", "show", "a");
  expect(stdout).toContain("The new one's last words on stderr:\n  bad luck");
  const { findings } = JSON.parse((await gateway.cli("doctor", "--json")).stdout);
  expect(findings.find(({ link }: { link: string }) => link === "server")).toMatchObject({
    ...{ severity: "warning", code: "GW_SERVER_EXITS" },
    saw: expect.stringContaining('"a": '),
    cause: expect.stringContaining("its last words: bad luck"),
    effect: expect.stringMatching(/^calls go to the one from before that reload until /),
  });
  const again = await gateway.cli("servers", "retry", "a");
  expect([again.code, again.stdout]).toEqual([
    1,
    expect.stringContaining("a is ready: what the reload started is not up"),
  ]);
}, 40_000);

test("a server whose command was changed is in trouble since the new one is", async () => {
  const exits = (code: number) => ({ command: ["sh", "-c", `exit ${code}`] });
  const { write, reload, live } = await world({ a: exits(3) });
  await until(async () => (await live("a"))?.trouble?.cause.includes("3"));
  const first = (await live("a"))?.failingSinceMs ?? 0;
  write({ a: silent });
  const done = reload();
  await until(async () => (await live("a"))?.target === process.execPath);
  expect(await live("a")).toMatchObject({ state: "starting", trouble: null, failingSinceMs: null });
  await done;
  write({ a: exits(4) });
  const [{ notUp } = {}] = (await reload()).servers;
  expect(notUp).toMatchObject({ untilMs: null, cause: expect.stringContaining("4") });
  const row = await live("a");
  expect(row?.trouble?.cause).toContain("4");
  expect(row?.failingSinceMs).toBeGreaterThan(first);
}, 40_000);
