import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { LiveCall } from "../../src/admin/contract.ts";
import { createShow } from "../../src/cli/receipts-tail.ts";
import { startChild, type TestChild } from "../kit/child.ts";
import { programCommand, startGateway, type TestGateway } from "../kit/gateway.ts";
import { type RawAgent, rawAgent } from "../kit/raw-agent.ts";
import { echo } from "../kit/servers.ts";

let gateway: TestGateway;
let agent: RawAgent;
const children: TestChild[] = [];

beforeAll(async () => {
  gateway = await startGateway({
    program: "bun",
    config: { servers: { echo: echo() } },
    policy: "id: t\nallow: [echo/echo]\n",
  });
  agent = await rawAgent(gateway.url, await gateway.key("executor", "agent"));
}, 30_000);
afterAll(async () => {
  for (const child of children) await child.stop();
  await gateway[Symbol.asyncDispose]();
});

/** A command that goes on until it is stopped. */
async function running(...argv: string[]): Promise<TestChild> {
  const command = [...(await programCommand("bun")), ...argv, "--config", gateway.config];
  const env = { PATH: process.env["PATH"] ?? "", HOME: gateway.folder };
  const child = startChild(command, { cwd: gateway.folder, env });
  children.push(child);
  await child.says(/→ gateway/);
  return child;
}

function rows(child: TestChild): Record<string, unknown>[] {
  const lines = child.stdout().split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

async function denied(): Promise<void> {
  await expect(agent.call("echo__missing", {})).rejects.toThrow("GW_");
}

describe("receipts tail", () => {
  test("gives each call once as it ends, in the shape of receipts list", async () => {
    await agent.call("echo__echo", { text: "before" });
    const all = await running("receipts", "tail", "--json", "--lines", "5");
    const filtered = await running(
      ...["receipts", "tail", "--filter", "!outcome:ok", "--lines", "5"],
    );
    await all.says(/"outcome":"ok"/);
    await agent.call("echo__echo", { text: "after" });
    await denied();
    await all.says(/"outcome":"denied"/);
    const outcomes = rows(all).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(["ok", "ok", "denied"]);
    await filtered.says(/denied/);
    expect(filtered.stdout().split("\n").length).toBe(2);

    const listed = (await gateway.cli("receipts", "list", "--json")).stdout
      .split("\n")
      .slice(0, -1);
    const newest = listed.map((line) => JSON.parse(line));
    const tailed = rows(all).reverse();
    expect(tailed.map(({ id }) => id)).toEqual(newest.map(({ id }) => id));
    expect(Object.keys(tailed[0] ?? {})).toEqual(Object.keys(newest[0]));
    for (const name of [
      "seq",
      "key",
      "server",
      "tool",
      "effect",
      "rule",
      "outcome",
      "code",
      "args_bytes",
    ]) {
      expect([name, tailed.map((row) => row[name])]).toEqual([
        name,
        newest.map((row) => row[name]),
      ]);
    }
    // In a receipt the time to the decision, to 1 µs; live to 10 µs.
    expect(tailed[0]?.["took_ms"]).toBeCloseTo(newest[0].took_ms, 1);
  });

  test("list finds and shows codes; fields that only live calls have are named", async () => {
    const list = async (...more: string[]) => gateway.cli("receipts", "list", ...more);
    const shown = (await list("--filter", "GW_TOOL_UNKNOWN")).stdout;
    expect(shown).toMatch(/ CODE\n.* echo\/missing .* GW_TOOL_UNKNOWN\n$/);
    const lines = (await list("--filter", "code:GW_TOOL* tool:echo/*", "--json")).stdout;
    expect(lines.split("\n").slice(0, -1)).toHaveLength(1);
    const refused = await list("--filter", "!client:claude");
    expect([refused.code, refused.stderr]).toEqual([
      3,
      expect.stringMatching(
        /Try: use .*; client, .*, why are for `calls list` and `receipts tail`/,
      ),
    ]);
  });

  test("waits for a gateway that is away, and goes on", async () => {
    const tail = await running("receipts", "tail", "--json", "--lines", "0");
    await gateway.stop();
    await tail.says(/The gateway is away/);
    await gateway.restart();
    agent = await rawAgent(gateway.url, await gateway.key("executor"));
    // With no lines of before it shows what comes once it is back, which nobody is told.
    for (let tries = 0; rows(tail).length === 0 && tries < 60; tries++) {
      await agent.call("echo__echo", { text: "again" });
      await Bun.sleep(200);
    }
    await tail.says(/"outcome":"ok"/);
    expect(rows(tail).length).toBeGreaterThan(0);
  });

  test("ends when its reader goes away", async () => {
    // It notices when it writes: the last calls, or the next one, whichever comes after that.
    const tail = await running("receipts", "tail", "--json", "--lines", "5");
    tail.process.stdout?.destroy();
    await agent.call("echo__echo", { text: "nobody reads" });
    expect(await tail.ended).toBe(0);
  });

  test("with no gateway says so and ends", async () => {
    const other = await gateway.cli("receipts", "tail", "--filter", "outcom:ok");
    expect([other.code, other.stderr]).toEqual([
      3,
      expect.stringContaining("did you mean outcome"),
    ]);
  });
});

test("a call that comes again, as after a lost stream, is shown once", () => {
  const out: string[] = [];
  const options = { has: () => true, text: () => undefined, all: () => [] };
  const io = { out: (line: string) => out.push(line), err() {}, env: {}, cwd: "/" };
  const show = createShow({ args: [], options, io: { ...io, interactive: false } }, undefined, 1);
  const ended = (receipt: string | null, outcome: string | null = "ok") =>
    ({ receipt, outcome, startedMs: 0, decision: null }) as LiveCall;
  show([ended("r-a-1"), ended("r-a-2"), ended(null), ended("r-a-3", null)], 0);
  show([ended("r-a-1"), ended("r-a-2"), ended("r-a-3")], 0);
  expect(out.map((line) => JSON.parse(line).id)).toEqual(["r-a-2", "r-a-3"]);
});

describe("receipts list --filter", () => {
  const cases: readonly [filter: string, outcome: string | undefined][] = [
    ["outcome:denied", "denied"],
    ["tool:echo/echo outcome:ok since:1h", "ok"],
    ["!tool:echo/*", undefined],
    ["took:>1m", undefined],
  ];
  for (const [filter, outcome] of cases) {
    test(filter, async () => {
      // How many there are depends on how often a test above had to call; the last may yet come.
      let all: string[];
      let found: string[];
      do {
        all = await outcomes();
        found = await outcomes("--filter", filter);
      } while (all.length !== (await outcomes()).length);
      expect(all).toEqual(expect.arrayContaining(["ok", "denied"]));
      expect(found).toEqual(all.filter((one) => one === outcome));
    });
  }

  async function outcomes(...more: string[]): Promise<string[]> {
    const listed = await gateway.cli("receipts", "list", "--json", "--limit", "100", ...more);
    expect(listed.code).toBe(0);
    const lines = listed.stdout.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line).outcome);
  }

  test("--limit counts what the filter takes", async () => {
    const found = await gateway.cli(
      ...["receipts", "list", "--json", "--filter", "outcome:ok", "--limit", "2"],
    );
    expect(found.stdout.trim().split("\n").length).toBe(2);
  });
});
