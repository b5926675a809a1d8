/** The same calls, answers and receipts on every runtime: from source on Bun and Deno, compiled. */

import { describe, expect, test } from "bun:test";
import { legacyAgent, modernAgent, textOf } from "./kit/clients.ts";
import { type Program, startGateway, type TestGateway } from "./kit/gateway.ts";
import { echoHttp, everything } from "./kit/servers.ts";

const programs: readonly Program[] = ["bun", "deno", "binary"];

const policy = `id: runtimes
rules:
  - { id: talk, effect: allow, tools: [echo/echo, all/echo] }
  - { id: no-sum, effect: deny, tools: [all/get-sum], hint: "add it up yourself" }
`;

for (const program of programs) {
  describe(`the gateway as ${program}`, () => {
    test("lets calls through, denies by rule, writes receipts that verify", async () => {
      const upstream = await echoHttp();
      try {
        const servers = { all: everything(), echo: { url: upstream.url } };
        await using gateway = await startGateway({ config: { servers }, policy, program });
        await readyTools(gateway);
        await legacyCalls(gateway);
        await modernCalls(gateway);
        await receipts(gateway);
        // A gateway that is told to stop ends in order, on every runtime.
        expect(await gateway.stop()).toBe(0);
        const verified = await gateway.cli("receipts", "verify");
        expect([verified.code, verified.stderr]).toEqual([0, expect.any(String)]);
      } finally {
        await upstream.stop();
      }
    }, 60_000);
  });
}

async function legacyCalls(gateway: TestGateway): Promise<void> {
  const agent = await legacyAgent(gateway.url, await gateway.key("executor", "legacy"));
  const { tools } = await agent.listTools();
  const names = tools.map((tool) => tool.name);
  expect(names).toContain("echo__echo");
  expect(names).not.toContain("all__get-sum");
  const http = await agent.callTool({ name: "echo__echo", arguments: { text: "żółw 🐢" } });
  expect(textOf(http)).toBe("żółw 🐢");
  const stdio = await agent.callTool({ name: "all__echo", arguments: { message: "over a pipe" } });
  expect(textOf(stdio)).toContain("over a pipe");
  const denied = await agent.callTool({ name: "all__get-sum", arguments: { a: 1, b: 2 } });
  expect(denied.isError).toBe(true);
  expect(textOf(denied)).toContain("add it up yourself");
  await agent.close();
}

async function modernCalls(gateway: TestGateway): Promise<void> {
  const agent = await modernAgent(gateway.url, await gateway.key("executor", "modern"));
  const answer = await agent.callTool({ name: "echo__echo", arguments: { text: "2026" } });
  expect(textOf(answer)).toBe("2026");
  await agent.close();
}

async function receipts(gateway: TestGateway): Promise<void> {
  const listed = await gateway.cli("receipts", "list", "--json");
  expect(listed.code).toBe(0);
  const rows = listed.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { tool: string; outcome: string });
  const seen = rows.map((row) => `${row.tool} ${row.outcome}`).sort();
  expect(seen).toEqual(["all/echo ok", "all/get-sum denied", "echo/echo ok", "echo/echo ok"]);
}

/** Servers come up after the gateway does. */
async function readyTools(gateway: TestGateway): Promise<void> {
  const agent = await legacyAgent(gateway.url, await gateway.key("executor", "waiting"));
  for (let tries = 0; tries < 100; tries++) {
    const names = (await agent.listTools()).tools.map((tool) => tool.name);
    if (names.includes("echo__echo") && names.includes("all__echo")) break;
    await Bun.sleep(100);
  }
  await agent.close();
}
