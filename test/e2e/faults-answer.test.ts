/** Servers that are reached and answer wrongly: what doctor finds, what the agent is told. */

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { answerFaults } from "../doctor/faults-server.ts";
import { testFaults } from "../doctor/run.ts";
import { startGateway } from "../kit/gateway.ts";

describe("gateway to server, the answers", () => testFaults(answerFaults));

test("R13 a child that doctor started is gone soon after it, however it clings", async () => {
  const script = join(import.meta.dirname, "../kit/servers/stubborn.ts");
  await using gateway = await startGateway({
    program: "bun",
    expectFailure: true,
    config: { servers: { io: { command: [process.execPath, script, "said", "stdio"] } } },
  });
  await gateway.child().says(/gateway is up/);
  await gateway.stop();
  const said = join(gateway.folder, "said");
  const before = existsSync(said) ? readFileSync(said, "utf8") : "";
  const began = performance.now();
  await gateway.cli("doctor");
  expect(performance.now() - began).toBeLessThan(5_000);
  const own = readFileSync(said, "utf8")
    .slice(before.length)
    .match(/pid (\d+)/);
  expect(own).not.toBeNull();
  const alive = () => existsSync(`/proc/${own?.[1]}/cmdline`) && running(Number(own?.[1]));
  for (const end = performance.now() + 5_000; alive() && performance.now() < end; ) {
    await Bun.sleep(50);
  }
  expect(alive()).toBe(false);
}, 20_000);

/** Not a dead one that nobody has waited for. */
function running(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false; // gone in between
  }
}
