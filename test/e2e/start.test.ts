/** Starts that must fail: each is one clear error with its code, its fix and its exit code. */

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { type GatewayOptions, startGateway } from "../kit/gateway.ts";
import { startPostgres } from "../kit/postgres.ts";

interface Failure {
  readonly exit: number | null;
  readonly stderr: string;
  /** What is no log line. */
  readonly said: string;
  /** Exit code of `check` with the same config: that of the start. */
  readonly check: number | null;
}

async function failing(options: GatewayOptions): Promise<Failure> {
  await using gateway = await startGateway({ ...options, expectFailure: true });
  const exit = await gateway.child().ended;
  await Bun.sleep(50);
  const stderr = gateway.stderr();
  const lines = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
  const { code: check } = await gateway.cli("check");
  return { exit, stderr, said: lines.join("\n"), check };
}

describe("a start that cannot be", () => {
  test("port taken", async () => {
    const other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const { port } = other;
    const found = await failing({ config: { listen: `localhost:${port}`, servers: {} } });
    const { exit, said, check } = found;
    await other.stop(true);
    expect([exit, check]).toEqual([69, 69]);
    expect(said).toContain("GW_PORT_TAKEN");
    expect(said).toContain(String(port));
    expect(said).toContain("Try:");
    expect(said.split("\n").length).toBeLessThanOrEqual(2);
  });

  test("variable missing, with its place", async () => {
    const { exit, said } = await failing({
      config:
        'servers:\n  web:\n    url: "http://127.0.0.1:1/mcp"\n    headers: { A: "${NOPE}" }\n',
    });
    expect(exit).toBe(78);
    expect(said).toMatch(/authensor-gw\.yaml:4:\d+.*GW_VARIABLE/);
    expect(said).toContain("NOPE");
    expect(said).toContain("Try:");
  });

  test("database unreachable where it is required", async () => {
    const database = { url: `postgres://u:hidden@127.0.0.1:${await freePort()}/x` };
    const { exit, said, check } = await failing({
      config: { database: { ...database, required_at_start: true }, servers: {} },
    });
    expect([exit, check]).toEqual([69, 69]);
    expect(said).toContain("GW_DATABASE");
    expect(said).toContain("Try:");
    expect(said).not.toContain("hidden");
  }, 30_000);

  test("a second gateway on the same data_dir is told whose it is", async () => {
    await using first = await startGateway({ config: { servers: {} } });
    const { exit, said } = await failing({
      config: { data_dir: join(first.folder, "data"), servers: {} },
    });
    expect(exit).toBe(69);
    expect(said).toContain("GW_OWNED");
    expect(said).toContain(String(first.child().pid));
    expect(said).toContain("Try:");
    await first.kill9();
    await first.restart();
  });

  const policies: readonly [what: string, policy: string][] = [
    ["not YAML", "id: [\n"],
    ["not a policy", "id: p\nallows: [a/b]\n"],
  ];
  for (const [what, policy] of policies) {
    test(`a policy that is ${what}: with its place`, async () => {
      const { exit, said, check } = await failing({ config: { servers: {} }, policy });
      expect([exit, check]).toEqual([78, 78]);
      expect(said).toStartWith("GW_POLICY");
      expect(said).toMatch(/policy\.yaml:2:1 /);
      expect(said).toContain("Try:");
    });
  }

  test("a policy that cannot be read", async () => {
    const { exit, said } = await failing({ config: { policy: "none.yaml", servers: {} } });
    expect([exit, said]).toEqual([78, expect.stringContaining("none.yaml")]);
  });

  test("three problems of a config at once, each with its line and column", async () => {
    const { exit, said, check } = await failing({
      config: "polcy: a.yaml\nlog: { level: loud }\nservers:\n  a: { command: x, timeout: 5 }\n",
    });
    expect([exit, check]).toEqual([78, 78]);
    const places = [...said.matchAll(/authensor-gw\.yaml:(\d+):\d+/g)].map(([, line]) => line);
    expect(places).toEqual(["1", "2", "4"]);
    expect(said).toContain("policy");
  });

  test("no config at all", async () => {
    const { exit, said } = await failing({
      config: { servers: {} },
      args: ["--config", "no.yaml"],
    });
    expect([exit, said]).toEqual([78, expect.stringContaining("GW_CONFIG")]);
  });
});

test("GW_STORE_CHANGED, and --accept-store-change", async () => {
  const postgres = await startPostgres({ durable: false });
  {
    await using first = await startGateway({ config: { servers: {} } });
    const config = { listen: `localhost:${first.port}`, data_dir: "data", servers: {} };
    await first.stop();
    const changed = { ...config, admin: { socket: "admin.sock" }, database: postgres.adminUrl };
    writeFileSync(first.config, JSON.stringify(changed), { mode: 0o600 });
    await first.restart().catch(() => "it may end before it answers /health");
    expect(await first.child().ended).toBe(78);
    expect(first.stderr()).toMatch(/GW_STORE_CHANGED[\s\S]*--accept-store-change/);
    await using second = await startGateway({
      config: { ...changed, data_dir: join(first.folder, "data") },
      args: ["--accept-store-change"],
      expectFailure: true,
    });
    await second.child().says(/gateway is up/);
    const status = await second.cli("status");
    expect(status.stdout).toContain("warning   fsync is off: a crash");
  }
  await postgres.stop();
}, 60_000);
