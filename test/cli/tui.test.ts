/** `--tui`: which gateway it shows, and that there is never a second one. */

import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { GatewayStatus } from "../../src/admin/contract.ts";
import { readOwner } from "../../src/gateway/owner.ts";
import { binaryPath } from "../kit/binary.ts";
import { startChild } from "../kit/child.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { openTerminal, type TestTerminal } from "../kit/terminal.ts";

let binary = "";
beforeAll(async () => {
  binary = await binaryPath();
}, 120_000);

const policy = "id: a\nallow: ['notes/*']\n";
let gateway: TestGateway;
afterEach(() => gateway[Symbol.asyncDispose]());

async function gatewayWithNotes(): Promise<TestGateway> {
  const notes = { command: [binary, "notes-server"], tools: { slow_report: { timeout: "20s" } } };
  gateway = await startGateway({ policy, config: { servers: { notes } } });
  return gateway;
}

function tui(args: readonly string[], as: readonly string[] = []): TestTerminal {
  const { folder, adminToken } = gateway;
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, AUTHENSOR_GW_KEY: adminToken };
  return openTerminal([...as, binary, ...args], { cwd: folder, env, columns: 110, rows: 30 });
}

/** A call as an agent makes it; resolves with the answer's text. */
async function call(token: string, tool: string, args: object): Promise<string> {
  const child = startChild(
    [binary, "tools", "call", tool, "--args", JSON.stringify(args), "--config", gateway.config],
    { cwd: gateway.folder, env: { HOME: gateway.folder, AUTHENSOR_GW_KEY: token } },
  );
  await child.ended;
  return child.stdout() + child.stderr();
}

const owner = () => readOwner(join(gateway.folder, "data"))?.pid ?? 0;

async function pidThatAnswers(): Promise<number> {
  const { stdout } = await gateway.cli("status", "--json");
  return stdout === "" ? 0 : (JSON.parse(stdout) as GatewayStatus).pid;
}

describe("a gateway runs", () => {
  test("it attaches; a call is seen, cancelled and has a receipt; leaving leaves it", async () => {
    const { config } = await gatewayWithNotes();
    const pid = await pidThatAnswers();
    const token = await gateway.key("executor", "my-agent");
    await using terminal = tui(["--tui", "--config", config]);
    await terminal.sees("● live");
    const answer = call(token, "notes/slow_report", { seconds: 15 });
    await terminal.sees(/> notes\/slow_report +my-agent +server/);
    await terminal.sees("of 20s tools.slow_rep");
    terminal.type("x");
    await terminal.sees(/Cancel notes\/slow_report \(c-\d+ of my-agent\)\?/);
    await Bun.sleep(450); // The answer counts 400 ms after the question.
    terminal.type("y");
    await terminal.sees(/notes\/slow_report +my-agent +cancelled/);
    expect(await answer).toContain("GW_ENDED_BY_OPERATOR");
    terminal.type("\r\t");
    await terminal.sees("[Receipt]");
    await terminal.sees(/intent, seq \d+/);
    terminal.type("q");
    expect(await terminal.ended).toBe(0);
    expect([await pidThatAnswers(), owner()]).toEqual([pid, pid]);
  }, 30_000);

  test("killed: LOST with what was known; back: live again, what ran then is unknown", async () => {
    const { config } = await gatewayWithNotes();
    const token = await gateway.key("executor", "my-agent");
    await using terminal = tui(["tui", "--read-only", "--config", config]);
    await terminal.sees("● live");
    void call(token, "notes/slow_report", { seconds: 15 });
    await terminal.sees(/> notes\/slow_report +my-agent +server/);
    terminal.type("x");
    await terminal.sees("--read-only was given");
    await gateway.kill9();
    await terminal.sees("LOST the gateway");
    await terminal.sees("In flight 1 when lost");
    await terminal.sees("countdowns stopped");
    await terminal.sees(/Trying again in .* \(attempt \d+\)/);
    await gateway.restart();
    await terminal.sees("● live");
    await terminal.sees(/notes\/slow_report +my-agent +unknown/);
    terminal.type("q");
    expect(await terminal.ended).toBe(0);
  }, 30_000);

  test("it hangs: told within 5 s, and no second one is started", async () => {
    const { config } = await gatewayWithNotes();
    const pid = owner();
    process.kill(pid, "SIGSTOP");
    const began = performance.now();
    await using terminal = tui(["--tui", "--config", config]);
    expect(await terminal.ended).toBe(69);
    expect(terminal.raw()).toContain("GW_SILENT");
    expect(terminal.raw()).toContain(String(pid));
    expect(performance.now() - began).toBeLessThan(5_000);
    process.kill(pid, "SIGCONT");
    expect(owner()).toBe(pid);
  }, 30_000);
});

describe("F12 another user beside it", () => {
  const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
  const asRoot = process.getuid?.() === 0 ? test : test.skip;

  asRoot(
    "may not open the socket: owner, mode and group are told, nothing is started",
    async () => {
      const { config, folder } = await gatewayWithNotes();
      const pid = owner();
      chmodSync(folder, 0o755);
      chmodSync(config, 0o644);
      await using terminal = tui(["--tui", "--config", config], nobody);
      expect(await terminal.ended).toBe(69);
      expect(terminal.raw()).toContain("GW_SOCKET");
      expect(terminal.raw()).toMatch(/belongs to user root and group root, mode 0660/);
      expect([await pidThatAnswers(), owner()]).toEqual([pid, pid]);
    },
    30_000,
  );

  asRoot(
    "in the socket's group: sees live calls, no second listener",
    async () => {
      const { config, folder } = await gatewayWithNotes();
      const pid = owner();
      chmodSync(folder, 0o755);
      chmodSync(config, 0o644);
      const group = [...nobody.slice(0, 3), "--regid", "0", "--clear-groups"];
      await using terminal = tui(["--tui", "--config", config], group);
      await terminal.sees("● live");
      const token = await gateway.key("executor", "my-agent");
      await call(token, "notes/read_note", { title: "groceries" });
      await terminal.sees(/notes\/read_note +my-agent +ok/);
      expect([await pidThatAnswers(), owner()]).toEqual([pid, pid]);
      terminal.type("q");
      expect(await terminal.ended).toBe(0);
    },
    30_000,
  );
});

describe("no gateway runs", () => {
  test("it is started as a process of its own, and goes on after q l; q s stops it", async () => {
    const { config, folder } = await gatewayWithNotes();
    await gateway.stop();
    {
      await using terminal = tui(["--tui", "--config", config]);
      await terminal.sees("● live");
      const pid = owner();
      // Its own group: ctrl-c of this terminal is not meant for it.
      expect(groupOf(pid)).not.toBe(groupOf(terminal.pid));
      expect(statSync(join(folder, "data/gateway.log")).mode & 0o777).toBe(0o600);
      terminal.type("q");
      await terminal.sees("Leave it running?");
      await Bun.sleep(450); // The answer counts 400 ms after the question.
      terminal.type("l");
      expect(await terminal.ended).toBe(0);
      expect([await pidThatAnswers(), owner()]).toEqual([pid, pid]);
      process.kill(pid, "SIGTERM");
      await ends(pid);
    }
    await using terminal = tui(["--tui", "--config", config]);
    await terminal.sees("● live");
    const pid = owner();
    terminal.type("q");
    await terminal.sees("s stop it");
    await Bun.sleep(450); // As above.
    terminal.type("s");
    expect(await terminal.ended).toBe(0);
    await ends(pid);
  }, 40_000);

  test("it was started and killed: q asks nothing about what is gone", async () => {
    const { config } = await gatewayWithNotes();
    await gateway.stop();
    await using terminal = tui(["--tui", "--config", config]);
    await terminal.sees("● live");
    process.kill(owner(), "SIGKILL");
    await terminal.sees("LOST the gateway");
    await terminal.sees("the gateway ended with SIGKILL");
    terminal.type("q");
    expect(await terminal.ended).toBe(0);
  }, 20_000);

  test("its start fails: the code and the end of its log, no screen", async () => {
    const { config } = await gatewayWithNotes();
    await gateway.stop();
    const port = Bun.listen({ hostname: "127.0.0.1", port: gateway.port, socket: { data() {} } });
    await using terminal = tui(["--tui", "--config", config]);
    expect(await terminal.ended).toBe(69);
    expect(terminal.raw()).toContain("GW_PORT_TAKEN");
    expect(terminal.raw()).not.toContain("\u001b[?1049h");
    port.stop(true);
  }, 30_000);

  test("tui alone starts nothing: exit 69 and what does", async () => {
    const { config } = await gatewayWithNotes();
    await gateway.stop();
    await using terminal = tui(["tui", "--config", config]);
    expect(await terminal.ended).toBe(69);
    expect(terminal.raw()).toContain("authensor-gw --tui");
    expect(owner()).toBe(0);
  }, 30_000);
});

function groupOf(pid: number): string {
  return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[2] ?? "";
}

async function ends(pid: number): Promise<void> {
  for (const until = performance.now() + 10_000; ; await Bun.sleep(10)) {
    try {
      process.kill(pid, 0);
    } catch {
      return; // ESRCH: it is gone.
    }
    if (performance.now() > until) throw new Error(`process ${pid} did not end`);
  }
}
