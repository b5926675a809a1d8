/** servers, calls and reload against a real gateway: words, exit codes, JSON. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import process from "node:process";
import { legacyAgent, textOf } from "../kit/clients.ts";
import { type CliResult, startGateway, type TestGateway } from "../kit/gateway.ts";

const script = join(import.meta.dirname, "../kit/servers/socket-thief.ts");
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway({
    program: "bun",
    policy: 'id: p\nallow: ["*"]\n',
    config: {
      servers: {
        io: { command: [process.execPath, script, "admin.sock"], protocol: "legacy" },
        gone: { command: ["no-such-program"] },
        off: { url: "http://127.0.0.1:9/mcp", disabled: true },
      },
    },
  });
}, 20_000);
afterAll(() => gateway?.[Symbol.asyncDispose](), 20_000);

const cli = (line: string) => gateway.cli(...line.split(" "));
const rows = ({ stdout }: CliResult) =>
  stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

async function agentWithCall() {
  const agent = await legacyAgent(gateway.url, await gateway.key("executor"));
  const answer = agent.callTool({ name: "io__wait", arguments: {} });
  for (;;) {
    const [row] = rows(await cli("calls list --json --filter stage:server"));
    if (row !== undefined) return { agent, answer, id: row.id as string };
  }
}

test("servers list: trouble first, disabled last; --json has the rows of the live view", async () => {
  const text = await cli("servers list");
  const ids = text.stdout.split("\n").map((line) => line.split(" ")[0]);
  expect([text.code, ids.slice(0, 4)]).toEqual([0, ["SERVER", "gone", "io", "off"]]);
  const [gone] = rows(await cli("servers list --json"));
  expect(gone.trouble.fix).toContain("servers.gone.command");
});

test("servers show: cause, effect, what to do, what happened", async () => {
  const { code, stdout } = await cli("servers show gone");
  expect(code).toBe(0);
  for (const word of ["cause ", "ENOENT", "effect ", "its tools are missing", "do ", "backoff: "]) {
    expect(stdout).toContain(word);
  }
  expect(stdout.match(/ENOENT/g)).toHaveLength(1);
  expect(stdout).toContain(
    'cause     GW_SERVER_COMMAND: it could not be started: "no-such-program"',
  );
  expect(stdout).toContain("backoff: for the cause above");
  const wrong = await cli("servers show gnoe");
  expect([wrong.code, wrong.stderr]).toEqual([3, expect.stringContaining("did you mean gone?")]);
});

test("servers retry, restart, disable, enable: exit 1 only where it did not help", async () => {
  const steps: readonly (readonly [string, number, string])[] = [
    ["servers retry gone", 1, "gone is backoff"],
    ["servers disable gone", 0, "gone is disabled until the gateway is started anew"],
    ["servers retry gone", 1, "authensor-gw servers enable gone"],
    ["servers enable gone", 1, "gone is backoff"],
    ["servers restart io", 0, "io is ready, pid "],
    ["servers enable io", 0, "io is ready"],
    ["servers retry oi", 3, "did you mean io?"],
  ];
  for (const [line, code, words] of steps) {
    const done = await cli(line);
    expect([line, done.code, done.stdout + done.stderr]).toEqual([
      line,
      code,
      expect.stringContaining(words),
    ]);
  }
}, 20_000);

test("calls: the setting that ends it, more time, and an end", async () => {
  const { agent, answer, id } = await agentWithCall();
  const listed = await cli("calls list");
  expect(listed.stdout).toContain("(servers.io.timeout.idle)");
  expect((await cli(`calls extend ${id}`)).code).toBe(3);
  expect((await cli(`calls extend ${id} --by 90s`)).stdout).toContain("may run until 2");
  expect((await cli(`calls cancel ${id} --reason enough`)).code).toBe(0);
  expect(textOf(await answer)).toContain("enough");
  const again = await cli(`calls cancel ${id}`);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("GW_CALL_UNKNOWN")]);
  const [ended] = rows(await cli(`calls list --all --json --filter id:${id}`));
  expect(ended.outcome).toBe("cancelled");
  await agent.close();
}, 20_000);

test("status --json has the gauges: used, limit, and what happens there", async () => {
  const { gauges } = JSON.parse((await cli("status --json")).stdout);
  const names = gauges.gauges.map(({ name }: { name: string }) => name);
  for (const name of [
    ...["memory", "loop_lag", "file_handles", "children", "in_flight", "sessions", "streams"],
    ...["unread", "spool", "disk"],
  ]) {
    expect(names).toContain(name);
  }
  for (const gauge of gauges.gauges) {
    expect(gauge).toMatchObject({ used: expect.any(Number), limit: expect.any(Number), ok: true });
    expect(gauge.at_limit.length).toBeGreaterThan(20);
  }
  expect(gauges.spool.behaviour).toBe("writing receipts and shipping them to the store");
  const { stdout } = await cli("status");
  // Well or not: what happens there is said.
  expect(stdout).toMatch(/file_handles +\d+ +\d+ +ok +new connections and servers fail/);
  expect(stdout).toMatch(/^SERVER +STATE +FOR +BY +PROTOCOL +TOOLS +BUSY +TROUBLE$/m);
});

test("reload: says what is in force; changing needs a key, which is said", async () => {
  expect((await cli("reload")).stdout).toContain("Policy in force: 1 rule");
  const viewer = await gateway.key("viewer", "looks");
  for (const line of ["reload", "servers retry io", "calls cancel c-1"]) {
    const env = { ...process.env, AUTHENSOR_GW_KEY: viewer };
    const main = join(import.meta.dirname, "../../src/main.ts");
    const words = [process.execPath, main, ...line.split(" "), "--config", gateway.config];
    const child = Bun.spawnSync(words, { env });
    expect([line, child.exitCode, child.stderr.toString()]).toEqual([
      line,
      1,
      expect.stringContaining("GW_ROLE"),
    ]);
  }
}, 20_000);
