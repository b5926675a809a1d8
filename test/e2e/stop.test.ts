/** O6: a stop under load loses no answer of a call that was made and recorded. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import process from "node:process";
import { startGateway } from "../kit/gateway.ts";
import { rawAgent } from "../kit/raw-agent.ts";

const server = join(import.meta.dir, "../kit/servers/nonce-stdio.ts");

test("O6 SIGTERM under load: every receipt that says ok has an agent that got the answer", async () => {
  await using gateway = await startGateway({
    config: { servers: { s: { command: [process.execPath, server] } } },
    policy: 'id: p\nallow: ["s/*"]\n',
  });
  const token = await gateway.key("executor", "load");
  let answered = 0;
  let over = false;
  const client = async () => {
    const agent = await rawAgent(gateway.url, token);
    while (!over) {
      try {
        await agent.call("s__nonce", { nonce: "n", ms: 1 });
        answered++;
      } catch {
        over = true; // the gateway takes no more: what was under way is counted by the receipts
      }
    }
  };
  const clients = Array.from({ length: 16 }, client);
  await Bun.sleep(400);
  const code = await gateway.stop();
  over = true;
  await Promise.all(clients);
  expect(code).toBe(0);
  const listed = await gateway.cli(
    "receipts",
    "list",
    "--outcome",
    "ok",
    "--limit",
    "10000",
    "--json",
  );
  const receipts = listed.stdout.trim().split("\n").length;
  expect(answered).toBeGreaterThan(50);
  expect(answered).toBe(receipts);
  expect((await gateway.cli("receipts", "verify")).code).toBe(0);
}, 30_000);

test("O6 SIGTERM and a call without an end: its agent is told after 30 s, and all is over", async () => {
  await using gateway = await startGateway({
    config: { servers: { s: { command: [process.execPath, server] } } },
    policy: 'id: p\nallow: ["s/*"]\n',
  });
  const agent = await rawAgent(gateway.url, await gateway.key("executor", "waits"));
  const answer = agent
    .call("s__nonce", { nonce: "n", ms: 100_000 })
    .catch((thrown: Error) => thrown.message);
  await Bun.sleep(300);
  const began = performance.now();
  gateway.child().process.kill("SIGTERM");
  const told = await answer;
  expect(JSON.stringify(told)).toContain("GW_ENDED_BY_STOP");
  expect(JSON.stringify(told)).toContain("may have run");
  expect(await gateway.child().ended).toBe(0);
  const seconds = (performance.now() - began) / 1000;
  expect(seconds).toBeGreaterThan(29);
  expect(seconds).toBeLessThan(36);
  const listed = await gateway.cli("receipts", "list", "--json");
  // Nobody took it back: what became of it is unknown, as after a kill -9.
  expect(JSON.parse(listed.stdout.split("\n")[0] ?? "").outcome).toBe("unknown");
}, 60_000);
