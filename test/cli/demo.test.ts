/** `demo` and `demo --stay` as a newcomer has them: one binary, an empty home, nothing else. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binaryPath } from "../kit/binary.ts";
import { startChild, type TestChild } from "../kit/child.ts";
import { legacyAgent, textOf } from "../kit/clients.ts";

let folder: string;
let binary: string;

beforeAll(async () => {
  binary = await binaryPath();
  folder = mkdtempSync(join(tmpdir(), "gw-demo-test-"));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program without PATH, network settings or any file of the user's. */
function start(home: string, ...args: string[]): TestChild {
  for (const name of [home, `${home}-tmp`]) mkdirSync(join(folder, name), { recursive: true });
  const env = { HOME: join(folder, home), TMPDIR: join(folder, `${home}-tmp`) };
  return startChild([binary, ...args], { cwd: folder, env });
}

const left = (name: string) => readdirSync(join(folder, name));

/** Pids of processes that were started with this folder in their arguments or environment. */
function processesOf(home: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const text = ["cmdline", "environ"].map((name) => readFileSync(`/proc/${pid}/${name}`));
      return Buffer.concat(text).includes(join(folder, home));
    } catch {
      return false; // it ended while we looked
    }
  });
}

async function untilNone(home: string): Promise<void> {
  for (let tries = 0; tries < 500 && processesOf(home).length > 0; tries++) await Bun.sleep(10);
  expect(processesOf(home)).toEqual([]);
}

/** What differs from run to run; a wrapped line and its continuation are one. */
function normalised(text: string): string {
  return text
    .replaceAll("\n     ", " ")
    .replace(/r-[0-9a-f]{12}-\d+/g, "r-ID")
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "CHAIN")
    .replace(/\b\d+ (records|calls|receipts)\b/g, "N $1")
    .replace(/, \d+ after:/g, ", N after:")
    .replace(/well: \d+\./g, "well: N.")
    .replace(/\bseq \d+/g, "seq N");
}

describe("demo", () => {
  test("says what it always says, in 20 s, and leaves nothing", async () => {
    const began = performance.now();
    const demo = start("empty", "demo");
    expect([await demo.ended, demo.stderr()]).toEqual([0, ""]);
    expect(performance.now() - began).toBeLessThan(20_000);
    const golden = join(import.meta.dirname, "../cases/demo/transcript.txt");
    expect(normalised(demo.stdout())).toBe(normalised(readFileSync(golden, "utf8")));
    const widest = Math.max(
      ...demo
        .stdout()
        .split("\n")
        .map((line) => line.length),
    );
    expect(widest).toBeLessThanOrEqual(96);
    expect([left("empty"), left("empty-tmp")]).toEqual([[], []]);
    await untilNone("empty");
  }, 30_000);

  for (const [signal, code, step] of [
    ["SIGINT", 130, "4. a call"],
    ["SIGTERM", 143, "1. a gateway"],
    ["SIGINT", 130, "6. the gateway dies"],
  ] as const) {
    test(`${signal} at "${step}" ends all that was started`, async () => {
      const home = `${signal}-${step[0]}`;
      const demo = start(home, "demo");
      await demo.says(new RegExp(step.replace(".", "\\.")));
      demo.process.kill(signal);
      expect(await demo.ended).toBe(code);
      expect([left(home), left(`${home}-tmp`)]).toEqual([[], []]);
      await untilNone(home);
    }, 30_000);
  }
});

describe("demo --stay", () => {
  const stay = () => start("stay", "demo", "--stay", "--port", "0");
  const keyOf = async (demo: TestChild) => (await demo.says(/key .*: (agw_\S+)/))[1] ?? "";

  test("shows the main job, stays, serves an agent, and ends in order", async () => {
    const demo = stay();
    const token = await keyOf(demo);
    const [, url = ""] = await demo.says(/--transport http authensor (http\S+)\/mcp --header/);
    await demo.says(/ctrl-c ends it/);
    for (const line of [
      /allowed +read_note groceries → milk/,
      /denied +delete_note groceries → GW_DENIED/,
      /receipt +r-\S+ notes\/delete_note deny by rule notes-are-kept: denied/,
      /verified +Well/,
    ]) {
      expect(demo.stdout()).toMatch(line);
    }
    const agent = await legacyAgent(url, token);
    const call = { name: "notes__read_note", arguments: { title: "travel" } };
    expect(textOf(await agent.callTool(call))).toContain("train at 8:14");
    await agent.close();

    const second = start("stay", "demo", "--stay", "--port", "0");
    expect(await second.ended).toBe(69);
    expect(second.stderr()).toMatch(/GW_OWNED.*\n?.*already.*process \d+[\s\S]*Try:.*`kill \d+`/);
    demo.process.kill("SIGTERM");
    expect(await demo.ended).toBe(0);
    await untilNone("stay");

    // Nothing of the user's own: what it keeps is in its folder, and it says where.
    expect(left("stay")).toEqual([".local"]);
    const shown = /--key-file (\S+)/.exec(demo.stdout())?.[1] ?? "";
    expect(readFileSync(shown, "utf8")).toStartWith("agw_");
    const pasted = /receipts list (--config \S+)/.exec(demo.stdout())?.[1] ?? "";
    const listed = start("stay", "receipts", "list", ...pasted.split(" "));
    expect([await listed.ended, listed.stdout()]).toEqual([0, expect.stringContaining("denied")]);

    const asAgent = /tools call notes\/read_note --args '\S+' (--key-file \S+ --config \S+)/;
    const [, ...options] = asAgent.exec(demo.stdout()) ?? [];
    expect(options.join(" ")).toStartWith("--key-file");

    const again = stay();
    expect(await keyOf(again)).toBe(token);
    await again.says(/verified +Well/);
    const words = ["tools", "call", "notes/read_note", "--args", '{"title":"travel"}'];
    const called = start("stay", ...words, ...options.join(" ").split(" "));
    expect([await called.ended, called.stdout()]).toEqual([0, expect.stringContaining("8:14")]);
    again.process.kill("SIGINT");
    expect(await again.ended).toBe(0);
    await untilNone("stay");
    expect(left("stay-tmp")).toEqual([]);
  }, 40_000);

  test("a taken port is one clear error", async () => {
    const other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const { port } = other;
    const demo = start("taken", "demo", "--stay", "--port", String(port));
    expect(await demo.ended).toBe(69);
    await other.stop(true);
    expect(demo.stderr()).toContain("GW_PORT_TAKEN");
    expect(demo.stderr()).toContain(`port ${port}`);
    expect(demo.stderr()).toContain("Try: `authensor-gw demo --stay --port 3101`");
  }, 30_000);

  test("a port that is none is a usage error", async () => {
    const demo = start("usage", "demo", "--stay", "--port", "http");
    expect([await demo.ended, demo.stderr()]).toEqual([3, expect.stringContaining("GW_USAGE")]);
  });
});
