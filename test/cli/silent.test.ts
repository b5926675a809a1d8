/** A gateway that is there and says nothing: told as that, asked for nothing, never gone round. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adminClient } from "../../src/admin/client.ts";
import { limits } from "../../src/base/limits.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";

describe("a socket that takes connections and never answers", () => {
  const folder = mkdtempSync(join(tmpdir(), "silent-"));
  const socket = join(folder, "a.sock");
  const server = net.createServer(() => undefined).listen(socket);
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const client = adminClient({ socket, timeoutMs: 100 });

  test("who reads is told that there was no answer", async () => {
    const asked = client.get("/v1/status");
    await expect(asked).rejects.toMatchObject({ code: "GW_SILENT", why: "no answer in 0.1 s" });
  });

  test("who changes something is told that it may still be done", async () => {
    await expect(client.post("/v1/reload", {})).rejects.toMatchObject({
      code: "GW_SILENT",
      why: "no answer in 0.1 s; what was asked for may still be done when it answers again",
    });
  });
});

describe("a gateway that is stopped (SIGSTOP)", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({ program: "bun", config: { servers: {} } });
    writeFileSync(join(gateway.folder, "agent.key"), await gateway.key("executor", "agent"), {
      mode: 0o600,
    });
  }, 40_000);
  afterAll(() => gateway?.[Symbol.asyncDispose](), 20_000);

  const reads = [
    "status",
    "servers list",
    "keys list",
    "receipts list",
    "check",
    "tools call notes/read_note --key-file agent.key",
    "tools call notes/read_note --key-file agent.key --url URL",
  ];
  const changes = [
    "keys revoke agent",
    "keys create --role executor --name late",
    "log-level debug",
    "calls cancel c-1",
    "reload",
  ];

  test("commands say so in time, with cause and fix; no change is made later", async () => {
    const { process } = gateway.child();
    const before = (await gateway.cli("keys", "list", "--json")).stdout;
    process.kill("SIGSTOP");
    try {
      const began = performance.now();
      const found = await Promise.all(
        [...reads, ...changes].map(async (words) => {
          const { code, stdout, stderr } = await gateway.cli(
            ...words.replace("URL", `${gateway.url}/mcp`).split(" "),
          );
          // What `check` finds is what it was asked for.
          return { words, code, told: stdout + stderr, ms: performance.now() - began };
        }),
      );
      const later = "; nothing was asked of it, so nothing is changed";
      for (const { words, code, told, ms } of found) {
        expect([words, code, told]).toEqual([words, 69, expect.stringContaining("GW_SILENT: ")]);
        expect(told).not.toContain("not running");
        // Over HTTP nobody knows the process.
        if (words !== "check" && !words.endsWith("URL")) {
          expect(told).toContain(`: process ${process.pid} is stopped by a signal`);
          expect(told).toContain(`Try: kill -CONT ${process.pid}\n`);
        }
        expect([words, told.includes(later)]).toEqual([words, changes.includes(words)]);
        // The starts of all of them at once come on top.
        expect(ms).toBeLessThan(limits.gatewaySilentMs + 15_000);
      }
      const config = readFileSync(gateway.config, "utf8");
      writeFileSync(gateway.config, config.replace("{", '{ "nonsense": 1,'));
      const broken = await gateway.cli("status");
      writeFileSync(gateway.config, config);
      expect([broken.code, broken.stderr]).toEqual([
        78,
        expect.stringMatching(/GW_CONFIG: .*nonsense.*note: GW_SILENT: the gateway on "/s),
      ]);
    } finally {
      process.kill("SIGCONT");
    }
    expect((await gateway.cli("keys", "list", "--json")).stdout).toBe(before);
    expect((await gateway.cli("log-level")).stdout).toContain("as the config says");
  }, 60_000);
});
