import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../../src/base/log.ts";
import { runCommandLine } from "../../src/cli/run.ts";
import { unitOfCgroup } from "../../src/cli/service-unit.ts";
import { startChild } from "../kit/child.ts";
import { programCommand } from "../kit/gateway.ts";
import { openTerminal } from "../kit/terminal.ts";

let folder = "";
let file = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "logs-"));
  file = join(folder, "gateway.log");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A log of one line a second; the first one is of midnight. */
function logInto(path: string) {
  let lines = 0;
  return createLog({
    level: "debug",
    write: (line) => {
      appendFileSync(path, line);
      lines += 1;
    },
    now: () => Date.UTC(2026, 0, 1, 0, 0, lines),
  });
}

async function logs(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommandLine(["logs", ...argv], {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    env: { HOME: folder, PATH: process.env["PATH"], XDG_STATE_HOME: folder },
    cwd: folder,
    interactive: false,
  });
  return { code, out, err: err.join("\n") };
}

describe("logs --file", () => {
  beforeAll(() => {
    const log = logInto(file);
    log.info("gateway is up", { version: "1", listen: ["http://127.0.0.1:1"] });
    log.warn("server state", { server: "jira", state: "backoff", cause: "401 Unauthorized" });
    log.debug("agent to gateway", { call: "c-7", key: "ci", server: "git", bytes: 12 });
    log.error("policy is not reloaded", { code: "GW_POLICY", at: "p.yaml:1" });
    appendFileSync(file, 'panic: \u001b[31mout of memory\u001b[0m\n{"half":');
  });

  test("T1 shows each line readable, and what is none of ours without its controls", async () => {
    const { code, out } = await logs("--file", file);
    expect(out).toEqual([
      `2026-01-01T00:00:00.000Z info  gateway is up  version=1 listen=["http://127.0.0.1:1"]`,
      `2026-01-01T00:00:01.000Z warn  server state  server=jira state=backoff cause="401 Unauthorized"`,
      "2026-01-01T00:00:02.000Z debug agent to gateway  call=c-7 key=ci server=git bytes=12",
      "2026-01-01T00:00:03.000Z error policy is not reloaded  code=GW_POLICY at=p.yaml:1",
      "panic: ␛[31mout of memory␛[0m",
      '{"half":',
    ]);
    expect(code).toBe(0);
  });

  const filters: readonly [filter: string, lines: readonly string[]][] = [
    ["level:warn", ["server state", "policy is not reloaded"]],
    ["level:=warn", ["server state"]],
    ["server:jira,git", ["server state", "agent to gateway"]],
    ["call:=c-7", ["agent to gateway"]],
    ["code:GW_*", ["policy is not reloaded"]],
    ["unauthorized", ["server state"]],
    ["since:1m", []],
  ];
  for (const [filter, lines] of filters) {
    test(filter, async () => {
      const { out } = await logs("--file", file, "--json", "--filter", filter);
      expect(out.map((line) => JSON.parse(line).message)).toEqual([...lines]);
    });
  }

  test("--lines gives the last ones, of those that the filter takes", async () => {
    const { out } = await logs("--file", file, "--lines", "1", "--filter", "level:info");
    expect(out).toEqual([expect.stringContaining("not reloaded")]);
  });

  test("says what is wrong", async () => {
    expect(await logs("--file", "none.log")).toMatchObject({
      code: 69,
      err: expect.stringContaining('Cannot read the log "'),
    });
    expect(await logs("-f", "--file", "-")).toMatchObject({ code: 3 });
    expect(await logs("--filter", "levl:x")).toMatchObject({
      code: 3,
      err: expect.stringContaining("did you mean level?"),
    });
    expect(await logs("--lines", "many")).toMatchObject({ code: 3 });
  });
});

test("logs -f goes on, over a rotation and an emptied file", async () => {
  const path = join(folder, "live.log");
  logInto(path).info("one");
  const command = [...(await programCommand("bun")), "logs", "-f", "--file", path, "--json"];
  const child = startChild(command, { cwd: folder, env: { HOME: folder } });
  try {
    await child.says(/"one"/);
    logInto(path).info("two");
    await child.says(/"two"/);
    renameSync(path, `${path}.1`);
    logInto(path).info("three");
    await child.says(/"three"/);
    truncateSync(path, 0);
    await Bun.sleep(300);
    logInto(path).info("four");
    await child.says(/"four"/);
    const words = child.stdout().trim().split("\n");
    expect(words.map((line) => JSON.parse(line).message)).toEqual(["one", "two", "three", "four"]);
    child.process.stdout?.destroy();
    logInto(path).info("five");
    expect(await child.ended).toBe(0);
  } finally {
    await child.stop();
  }
});

describe("without --file", () => {
  const cgroups: readonly [text: string, unit: unknown][] = [
    ["0::/system.slice/authensor-gw.service\n", { name: "authensor-gw.service", user: false }],
    [
      "0::/user.slice/user-1000.slice/user@1000.service/app.slice/authensor-gw.service\n",
      { name: "authensor-gw.service", user: true },
    ],
    ["12:pids:/x\n0::/user.slice/user-1000.slice/user@1000.service/app.slice/a.scope\n", undefined],
    [
      "4:memory:/\n1:name=systemd:/system.slice/authensor-gw.service\n0::/\n",
      { name: "authensor-gw.service", user: false },
    ],
    ["0::/system.slice/docker.service\n", undefined],
    ["0::/\n", undefined],
    ["", undefined],
  ];
  for (const [text, unit] of cgroups) {
    test(`the unit of ${JSON.stringify(text)}`, () =>
      expect(unitOfCgroup(text)).toEqual(unit as never));
  }

  test("a service that is installed has its log in the journal", async () => {
    const home = join(folder, "with-unit");
    mkdirSync(join(home, ".config/systemd/user"), { recursive: true });
    writeFileSync(join(home, ".config/systemd/user/authensor-gw.service"), "");
    writeFileSync(join(home, "authensor-gw.yaml"), "data_dir: data\nauth: none\n");
    mkdirSync(join(home, "bin"));
    const line = '{"time":"2026-01-01T00:00:00.000Z","level":"info","message":"from the journal"}';
    writeFileSync(join(home, "bin/journalctl"), `#!/bin/sh\necho "$@" >&2\necho '${line}'\n`);
    chmodSync(join(home, "bin/journalctl"), 0o755);
    const command = [...(await programCommand("bun")), "logs", "--lines", "7"];
    const env = { HOME: home, PATH: `${home}/bin:/usr/bin:/bin` };
    const child = startChild(command, { cwd: home, env });
    expect(await child.ended).toBe(0);
    expect(child.stdout()).toBe("2026-01-01T00:00:00.000Z info  from the journal\n");
    expect(child.stderr()).toContain("--user --no-pager -o cat -n 7 -u authensor-gw.service");
  });

  test("no log anywhere is said, with what to do", async () => {
    const home = join(folder, "bare");
    mkdirSync(home);
    writeFileSync(join(home, "authensor-gw.yaml"), "data_dir: data\nauth: none\n");
    const found = await logs("--config", join(home, "authensor-gw.yaml"));
    expect(found.code).toBe(69);
    expect(found.err).toContain("GW_LOG");
    expect(found.err).toContain("Try: name the file with");
  });

  test.if(process.platform === "linux")(
    "of a running gateway: where its stderr goes",
    async () => {
      const home = join(folder, "runs");
      mkdirSync(join(home, "data"), { recursive: true });
      const config = join(home, "authensor-gw.yaml");
      writeFileSync(config, "data_dir: data\nauth: none\nlisten: localhost:0\n");
      // Of an earlier run under --tui: not what runs now.
      logInto(join(home, "data/gateway.log")).info("of long ago");
      const env = { HOME: home, XDG_RUNTIME_DIR: home };
      const serve = [...(await programCommand("bun")), "serve", "--config", config];
      const piped = startChild(serve, { cwd: home, env });
      await piped.says(/gateway is up/);
      const toPipe = await logs("--config", config);
      await piped.stop();
      expect([toPipe.code, toPipe.out]).toEqual([69, []]);
      expect(toPipe.err).toContain(`(process ${piped.pid}): it goes to a pipe of what started it`);
      expect(toPipe.err).toContain("authensor-gw serve 2>> FILE");

      await using terminal = openTerminal(serve, { cwd: home, env });
      await terminal.sees("gateway is up");
      const toTerminal = await logs("--config", config);
      terminal.signal("SIGTERM");
      await terminal.ended;
      expect(toTerminal.err).toMatch(/it goes to the terminal \/dev\/pts\/\d+/);

      const own = join(home, "own.log");
      const words = serve.map((word) => `'${word}'`).join(" ");
      const redirected = startChild(["sh", "-c", `exec ${words} 2>'${own}'`], { cwd: home, env });
      let toFile = await logs("--config", config);
      const isUp = () => toFile.out.join("\n").includes("gateway is up");
      for (let tries = 0; !isUp() && tries < 100; tries++) {
        await Bun.sleep(50);
        toFile = await logs("--config", config);
      }
      await redirected.stop();
      expect(toFile.err).toContain(`→ ${own}`);
      expect(isUp()).toBe(true);
      // Once it is gone there is the file of --tui again.
      expect((await logs("--config", config)).out.join("\n")).toContain("of long ago");
    },
    30_000,
  );

  test("the log of --tui is read where that puts it", async () => {
    const home = join(folder, "tui");
    mkdirSync(join(home, "data"), { recursive: true });
    writeFileSync(join(home, "authensor-gw.yaml"), "data_dir: data\nauth: none\n");
    logInto(join(home, "data/gateway.log")).info("gateway is up");
    const found = await logs("--config", join(home, "authensor-gw.yaml"));
    expect(found.out).toEqual([expect.stringContaining("gateway is up")]);
    expect(found.err).toContain("data/gateway.log");
  });
});
