import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLog } from "../../src/base/log.ts";
import { createLogLevel } from "../../src/gateway/log-level.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { rawAgent } from "../kit/raw-agent.ts";
import { setClock } from "../kit/scripted.ts";
import { echo } from "../kit/servers.ts";

describe("the level", () => {
  function leveled(configured: "debug" | "info" = "info") {
    const clock = setClock();
    const ended: string[] = [];
    const lines: string[] = [];
    const level = createLogLevel(configured, clock, (was) => ended.push(was.level));
    const log = createLog({
      level: level.admits,
      write: (line) => lines.push(JSON.parse(line).message),
    });
    return { clock, ended, lines, level, log };
  }

  test("debug ends by itself", async () => {
    const { clock, ended, lines, level, log } = leveled();
    log.debug("before");
    level.set("debug", { forMs: 1_000 });
    log.debug("during");
    await clock.advance(999);
    expect(level.current()).toMatchObject({ level: "debug", untilMs: clock.now() + 1 });
    await clock.advance(1);
    log.debug("after");
    expect([lines, ended]).toEqual([["during"], ["debug"]]);
    expect(level.current()).toEqual({ level: "info", untilMs: null, server: null, key: null });
  });

  test("a second change takes the place of the first, and reset of both", async () => {
    const { clock, ended, lines, level, log } = leveled();
    level.set("debug", { forMs: 1_000 });
    level.set("error", { forMs: 5_000 });
    await clock.advance(2_000);
    log.warn("hidden");
    level.reset();
    log.warn("shown");
    await clock.advance(9_000);
    expect([lines, ended]).toEqual([["shown"], []]);
  });

  test("for a server or a key it is about lines that name it, others stay as they were", () => {
    const { lines, level, log } = leveled();
    level.set("debug", { forMs: 1_000, server: "git", key: "ci" });
    log.debug("1", { server: "git", key: "ci" });
    log.debug("2", { server: "git", key: "other" });
    log.debug("3", { server: "web", key: "ci" });
    log.debug("4");
    log.info("5");
    expect(lines).toEqual(["1", "5"]);
    expect([level.debugs("ci"), level.debugs("other")]).toEqual([true, false]);
  });

  test("quieter for one server leaves the config's debug for the rest", () => {
    const { lines, level, log } = leveled("debug");
    level.set("warn", { forMs: 1_000, server: "git" });
    log.debug("1", { server: "git" });
    log.debug("2", { server: "web" });
    log.warn("3", { server: "git" });
    expect(lines).toEqual(["2", "3"]);
    expect(level.debugs("any")).toBe(true);
  });
});

describe("of a running gateway", () => {
  let gateway: TestGateway;
  let token = "";
  const secret = "hunter2-in-an-argument";

  beforeAll(async () => {
    gateway = await startGateway({
      program: "bun",
      config: { servers: { echo: echo(), other: echo() } },
      policy: "id: t\nallow: [echo/echo, other/echo]\n",
    });
    token = await gateway.key("executor", "agent");
  }, 30_000);
  afterAll(async () => await gateway[Symbol.asyncDispose]());

  const lines = () =>
    gateway
      .stderr()
      .split("\n")
      .filter((line) => line !== "")
      .map((line): Record<string, unknown> => JSON.parse(line));

  test("debug tells both hops of a call under one id, and no value of an argument", async () => {
    const agent = await rawAgent(gateway.url, token);
    await agent.call("echo__echo", { text: secret });
    const quiet = lines();
    const set = await gateway.cli("log-level", "debug", "--for", "60s", "--server", "echo");
    expect([set.code, set.stdout]).toEqual([0, expect.stringContaining("debug for server echo")]);
    await agent.call("echo__echo", { text: secret });
    await agent.call("other__echo", { text: secret });
    const told = lines().slice(quiet.length);
    const frames = told.map(({ message }) => message);
    expect(frames).toEqual([
      ...["agent to gateway", "rules", "call decided", "gateway to server", "server to gateway"],
      ...["call ended", "gateway to agent"],
    ]);
    expect(new Set(told.map(({ call }) => call))).toEqual(new Set(["c-2"]));
    expect(new Set(told.map(({ key }) => key))).toEqual(new Set(["agent"]));
    expect(told[0]).toMatchObject({
      method: "tools/call",
      server: "echo",
      headers: { authorization: "[hidden]" },
    });
    expect(String(told[1]?.["rules"])).toContain("policy.yaml:2: true");
    expect(told[4]).toMatchObject({ frame: "result", bytes: expect.any(Number) });
    for (const hidden of [secret, token]) expect(gateway.stderr()).not.toContain(hidden);
  });

  test("it is recorded with who asked, shown, and reset", async () => {
    expect((await gateway.cli("log-level")).stdout).toContain("debug for server echo until 20");
    const reset = await gateway.cli("log-level", "reset", "--json");
    expect(JSON.parse(reset.stdout)).toMatchObject({ level: "info", untilMs: null });
    expect((await gateway.cli("log-level")).stdout).toBe("info, as the config says\n");
  });

  test("debug of a short time is over, and the log says so", async () => {
    await gateway.cli("log-level", "debug", "--for", "50ms");
    await gateway.child().says(/log level is the config's again/);
    const before = lines().length;
    await (await rawAgent(gateway.url, token)).call("echo__echo", { text: "x" });
    expect(lines().slice(before)).toEqual([]);
  });

  const refused: readonly [code: number, says: string, ...argv: string[]][] = [
    [3, "did you mean debug?", "debgu"],
    [3, "is not a duration", "debug", "--for", "soon"],
    [3, "A level is missing", "--for", "1m"],
    [3, "a time of at most 24h", "debug", "--for", "2d"],
    [3, 'No server is called "ecko"', "debug", "--server", "ecko"],
    [3, 'No key is called "agnt"', "debug", "--key", "agnt"],
  ];
  for (const [code, says, ...argv] of refused) {
    test(`refuses ${argv.join(" ")}`, async () => {
      const found = await gateway.cli("log-level", ...argv);
      expect(found.stderr).toContain(says);
      expect(found.code).toBe(code);
    });
  }

  test("F12 a viewer's key may look and not change", async () => {
    const file = join(gateway.folder, "viewer.key");
    writeFileSync(file, await gateway.key("viewer", "watcher"), { mode: 0o600 });
    const found = await gateway.cli("log-level", "debug", "--key-file", file);
    expect([found.code, found.stderr]).toEqual([1, expect.stringContaining("GW_ROLE")]);
    expect((await gateway.cli("log-level", "--key-file", file)).code).toBe(0);
  });
});
