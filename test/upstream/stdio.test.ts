/** Children that misbehave: each call ends once, with a code, and the child is back after it. */

import { afterEach, expect, test } from "bun:test";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { alive } from "../kit/processes.ts";
import {
  callTool,
  startCall,
  stdioUpstream,
  testUpstream,
  until,
  untilState,
} from "../kit/upstream.ts";

const script = join(import.meta.dir, "../kit/fault-child.ts");
const open: Upstream[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

type More = Parameters<typeof stdioUpstream>[1];

async function start(mode: string, more: More = {}, env: Record<string, string> = {}) {
  const command = [process.execPath, script, ...mode.split(" ")];
  const config = stdioUpstream(command, { protocol: "legacy", ...more }, env);
  const upstream = await testUpstream(config, {
    env: { PATH: "/usr/bin:/bin", HOME: "/root", LC_ALL: "C.UTF-8", SECRET: "canary" },
  });
  open.push(upstream);
  upstream.start();
  await untilState(upstream, "ready");
  return upstream;
}

const textOf = (answer: string): string => JSON.parse(answer).result.content[0].text;

test("U5 arguments reach the child as they are: no shell, no splitting", async () => {
  const args = ["echo", "", "$(id)", "a b; c", "line\nfeed", "`id`", "*"];
  const upstream = await start("echo");
  const { pid } = upstream.status();
  expect(pid).toBeNumber();
  const odd = await testUpstream(stdioUpstream([process.execPath, script, ...args]));
  open.push(odd);
  odd.start();
  await untilState(odd, "ready");
  const seen = readFileSync(`/proc/${odd.status().pid}/cmdline`, "utf8").split("\0");
  expect(seen.slice(2, -1)).toEqual(args);
  const shell = await testUpstream(stdioUpstream(["echo hi; id"]));
  open.push(shell);
  shell.start();
  await untilState(shell, "backoff");
  expect(shell.status().cause).toContain("ENOENT");
});

test("U9 a child's environment is made from zero", async () => {
  const upstream = await start("env", {}, { NODE_ENV: "test" });
  const env = JSON.parse(textOf((await callTool(upstream, "t")).text));
  // PWD and the like are set by the child's own runtime, not passed.
  expect(env).toMatchObject({
    PATH: "/usr/bin:/bin",
    HOME: "/root",
    LC_ALL: "C.UTF-8",
    NODE_ENV: "test",
  });
  expect(JSON.stringify(env)).not.toContain("canary");
  const names = Object.keys(env).filter((name) => !["PWD", "OLDPWD"].includes(name));
  expect(names.toSorted()).toEqual(["AUTHENSOR_GW_OWNER", "HOME", "LC_ALL", "NODE_ENV", "PATH"]);
});

test("U10 a child has no descriptor of the gateway but its three pipes", async () => {
  const canary = openSync(script, "r");
  const upstream = await start("descriptors");
  const theirs: [string, string][] = JSON.parse(textOf((await callTool(upstream, "t")).text));
  const ours = new Set(readdirSync("/proc/self/fd").map((fd) => linkOf(`/proc/self/fd/${fd}`)));
  const shared = theirs.filter(([fd, target]) => Number(fd) > 2 && ours.has(target));
  // Devices and the kernel's own anonymous inodes have one name for all processes.
  const named = shared.filter(([, target]) => !target.startsWith("anon_inode:"));
  expect(named.filter(([, target]) => !target.startsWith("/dev/"))).toEqual([]);
  expect(theirs.length).toBeGreaterThanOrEqual(3);
  closeSync(canary);
});

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

test("U13 a child that floods stdout is ended; memory stays bounded", async () => {
  const upstream = await start("huge");
  const before = process.memoryUsage().rss;
  const outcome = await callTool(upstream, "t");
  expect(outcome).toMatchObject({
    kind: "failed",
    text: "GW_UPSTREAM_LOST",
    mayHaveRun: true,
    ends: 1,
  });
  expect(outcome.why).toContain("a line longer than");
  expect(process.memoryUsage().rss - before).toBeLessThan(96 * 1024 * 1024);
});

test("T10 what a child repeats of its secrets is hidden, other words are not", async () => {
  const env = {
    API_TOKEN: "planted-1",
    DATABASE_URL: "postgres://me:planted%2D2@db/x?token=planted-3",
    ROOT: "/srv/docs",
    PASSWORD: "short",
  };
  const upstream = await start("tells  --key=planted-4 --token planted-5", {}, env);
  await callTool(upstream, "t");
  await until(() => upstream.status().stderr.length > 0);
  const told = upstream.status().stderr.join("\n");
  expect(told).not.toContain("planted");
  for (const word of ["/srv/docs", "short", "postgres://me:[hidden]@db"]) {
    expect(told).toContain(word);
  }
});

for (const [mode, ends] of [
  ["babble", "lines to its stdout that are no MCP messages"],
  ["odd", "lines to its stdout that are no MCP messages"],
  ["moans", undefined],
] as const) {
  test(`U13 R14 a child that ${mode} without end leaves the loop to others`, async () => {
    const [upstream, other] = [await start(mode), await start("echo")];
    const outcome = callTool(upstream, "t");
    const waits: number[] = [];
    for (const until = performance.now() + 1_000; performance.now() < until; ) {
      const began = performance.now();
      expect(textOf((await callTool(other, "t")).text)).toBe("ok");
      waits.push(performance.now() - began);
    }
    expect(Math.max(...waits)).toBeLessThan(250);
    if (ends === undefined) return expect(upstream.status().stderr.at(-1)).toBe("err");
    expect((await outcome).why).toContain(ends);
  });
}

test("U14 a child that never reads: calls are refused fast, memory stays bounded", async () => {
  const run = Bun.spawn([process.execPath, join(import.meta.dir, "../kit/backlog-run.ts")]);
  const { busy, ms, rssBytes } = await new Response(run.stdout).json();
  expect(busy).toBeGreaterThan(5_000);
  expect(ms).toBeLessThan(5_000);
  // limits.childBacklogBytes is 32 MiB; a queue without limit would hold 100 MB of text.
  expect(rssBytes).toBeLessThan(96 * 1024 * 1024);
});

for (const mode of ["dies", "killed"]) {
  test(`U15 U27 a child that ${mode}: one error a call, sent once, and it is back for the next`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "gw-stdio-"));
    const file = join(folder, "seen");
    const upstream = await start(`${mode} ${file}`);
    const { pid } = upstream.status();
    const all = await Promise.all([1, 2, 3].map(() => callTool(upstream, "t")));
    for (const outcome of all) {
      expect(outcome).toMatchObject({
        kind: "failed",
        text: "GW_UPSTREAM_LOST",
        mayHaveRun: true,
        ends: 1,
      });
    }
    expect(upstream.status()).toMatchObject({ state: "backoff", inFlight: 0 });
    // A call does not wait for the backoff.
    expect((await callTool(upstream, "t")).text).toBe("GW_UPSTREAM_LOST");
    expect(upstream.status().pid).not.toBe(pid);
    const seen = readFileSync(file, "utf8").split("\n");
    const ids = seen
      .filter((line) => line.includes("tools/call"))
      .map((line) => JSON.parse(line).id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeLessThanOrEqual(4);
    rmSync(folder, { recursive: true });
  });
}

test("U16 noise on stdout is skipped and shown; good answers are still matched", async () => {
  const upstream = await start("noise");
  for (let count = 0; count < 20; count += 1) {
    expect(textOf((await callTool(upstream, "t")).text)).toBe("ok");
  }
  expect(upstream.status().state).toBe("ready");
  expect(upstream.status().stderr.some((line) => line.includes("Server listening"))).toBe(true);
  expect(upstream.status().stderr.join("")).not.toContain("\u001b");
});

test("U16 an answer that is no JSON-RPC fails its call, nothing else", async () => {
  const upstream = await start("garbage");
  expect(await callTool(upstream, "t")).toMatchObject({
    kind: "failed",
    text: "GW_UPSTREAM_ERROR",
    ends: 1,
  });
  const double = await start("double");
  expect(await callTool(double, "t")).toMatchObject({
    kind: "failed",
    text: "GW_UPSTREAM_ERROR",
    ends: 1,
  });
});

test("U17 only ids in flight are answered, and once", async () => {
  const twice = await start("twice");
  for (let count = 0; count < 5; count += 1) {
    const outcome = await callTool(twice, "t");
    expect(textOf(outcome.text)).toBe("first");
    expect(outcome.ends).toBe(1);
  }
  const stray = await start("stray");
  expect(textOf((await callTool(stray, "t")).text)).toBe("mine");
});

test("U21 a result over the limit fails its call, the child lives", async () => {
  const command = [process.execPath, script, "env"];
  const upstream = await testUpstream(stdioUpstream(command, {}, { BIG: "x".repeat(5000) }), {
    limits: { resultBytes: 4000 },
  });
  open.push(upstream);
  upstream.start();
  await untilState(upstream, "ready");
  expect(await callTool(upstream, "t")).toMatchObject({
    kind: "failed",
    text: "GW_RESULT_TOO_LARGE",
  });
  expect(upstream.status().state).toBe("ready");
});

test("requests of a child: ping is answered, all else refused", async () => {
  const upstream = await start("asks");
  expect(JSON.parse(textOf((await callTool(upstream, "t")).text))).toEqual([
    { jsonrpc: "2.0", id: 1, result: {} },
    { jsonrpc: "2.0", id: "x", error: { code: -32601, message: "Method not found" } },
  ]);
});

test("a cancelled call is told to the child with its id, and hears nothing more", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gw-stdio-"));
  const file = join(folder, "seen");
  const upstream = await start(`silent ${file}`);
  const call = await startCall(upstream, "t").call;
  await Bun.sleep(50);
  call.cancel("enough");
  await until(() => readFileSync(file, "utf8").includes("notifications/cancelled"));
  const lines = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const id = lines.find(({ method }) => method === "tools/call").id;
  expect(lines.at(-1).params).toEqual({ requestId: id, reason: "enough" });
  expect(upstream.status().inFlight).toBe(0);
  rmSync(folder, { recursive: true });
});

test("a child that exits when it is probed is started again the older way", async () => {
  const upstream = await start("exits-on-probe", { protocol: "auto" });
  expect(upstream.hello()?.era).toBe("legacy");
  expect(textOf((await callTool(upstream, "t")).text)).toBe("ok");
});

test("a child that is silent when it is probed is asked the older way", async () => {
  const upstream = await start("mute-on-probe", { protocol: "auto" });
  expect(upstream.hello()?.era).toBe("legacy");
}, 10_000);

test("U11 stop: stdin, TERM, KILL; what the child started goes with it", async () => {
  const upstream = await start("grandchild");
  const { pid } = upstream.status();
  const grandchild = Number(textOf((await callTool(upstream, "t")).text));
  expect([alive(pid!), alive(grandchild)]).toEqual([true, true]);
  await upstream.stop();
  await until(() => !alive(pid!) && !alive(grandchild), 1000);
  const stubborn = await start("stays");
  const other = stubborn.status().pid!;
  const began = performance.now();
  await stubborn.stop();
  expect(performance.now() - began).toBeGreaterThan(3500);
  expect(alive(other)).toBe(false);
}, 15_000);

test("stop does not wait for a handshake", async () => {
  const upstream = await testUpstream(stdioUpstream(["/bin/sleep", "60"], { protocol: "modern" }));
  upstream.start();
  await Bun.sleep(50);
  const began = performance.now();
  await upstream.stop();
  expect(performance.now() - began).toBeLessThan(3_000);
});

test.each([
  // Asked for its era, and started anew without that: two starts an attempt.
  "auto",
  "legacy",
] as const)(
  "R13 a child that keeps ending is left alone for a while: %s",
  async (protocol) => {
    const starts = join(mkdtempSync(join(tmpdir(), "gw-starts-")), "starts");
    const command = ["/bin/sh", "-c", `echo start >> ${starts}; exit 1`];
    const upstream = await testUpstream(stdioUpstream(command, { protocol }));
    open.push(upstream);
    upstream.start();
    for (let count = 0; count < 20; count += 1) {
      expect((await callTool(upstream, "t")).text).toBe("GW_UPSTREAM_DOWN");
    }
    expect(upstream.status()).toMatchObject({ state: "crash-loop", pid: undefined });
    expect(upstream.status().cause).toContain("12 times");
    expect(readFileSync(starts, "utf8").trim().split("\n")).toHaveLength(12);
    rmSync(dirname(starts), { recursive: true });
  },
  15_000,
);
