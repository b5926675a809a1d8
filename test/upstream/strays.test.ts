/** U11: what a child starts ends with it, wherever it went; 0 zombies, and nobody else's end. */

import { afterEach, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { endMarked, findMarked, markName } from "../../src/upstream/marked.ts";
import type { Upstream, UpstreamControl } from "../../src/upstream/upstream.ts";
import { alive, childrenOf } from "../kit/processes.ts";
import { callTool, stdioUpstream, testUpstream, until, untilState } from "../kit/upstream.ts";

const script = join(import.meta.dir, "../kit/fault-child.ts");
const open: Upstream[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

let runs = 0;

async function start(mode: string) {
  const run = `test.${process.pid}-${++runs}`;
  const command = [process.execPath, script, ...mode.split(" ")];
  const config = stdioUpstream(command, { protocol: "legacy" });
  const upstream = (await testUpstream(config, { run })) as Upstream & UpstreamControl;
  open.push(upstream);
  upstream.start();
  await untilState(upstream, "ready");
  const census = async () => (await findMarked((mark) => mark.startsWith(run))).length;
  return { upstream, run, census };
}

const textOf = (answer: string): string => JSON.parse(answer).result.content[0].text;

type Act = (upstream: Upstream & UpstreamControl) => unknown;

const ends: readonly (readonly [string, Act, number])[] = [
  ["stop", (upstream) => upstream.stop(), 0],
  ["disable", (upstream) => upstream.disable("test"), 0],
  ["restart", (upstream) => upstream.restart(), 1],
  ["a crash", (upstream) => process.kill(upstream.status().pid ?? 0, "SIGKILL"), 1],
];
for (const [name, act, left] of ends) {
  test(`U11 ${name} ends what left the group, even what ignores TERM`, async () => {
    const { upstream, census } = await start("escapes");
    const first = upstream.status().pid;
    const pids = textOf((await callTool(upstream, "t")).text)
      .split(" ")
      .map(Number);
    expect(pids).toHaveLength(2);
    expect(pids.map(alive)).toEqual([true, true]);
    await act(upstream);
    await until(() => !pids.some(alive), 5_000);
    await until(() => (upstream.status().pid ?? 0) !== first, 5_000);
    if (left > 0) await untilState(upstream, "ready");
    // What the shells had started is ended in the same look or the next one.
    for (let tries = 0; tries < 20 && (await census()) !== left; tries += 1) await Bun.sleep(50);
    expect(await census()).toBe(left);
    await until(() => zombies().length === 0, 1_000);
    const told = () => upstream.status().stderr.join("\n");
    await until(() => pids.every((pid) => told().includes(String(pid))), 1_000);
  }, 20_000);
}

for (const mode of ["stays", "holds", "bomb", "stops", "zombie"]) {
  test(`U11 stop ends a child that ${mode}, within 5 s`, async () => {
    const { upstream, census } = await start(mode);
    await callTool(upstream, "t");
    await Bun.sleep(150);
    const began = performance.now();
    await upstream.stop();
    expect(await census()).toBe(0);
    expect(performance.now() - began).toBeLessThan(5_000);
    await until(() => zombies().length === 0, 1_000);
  }, 20_000);
}

test("U11 only what carries the mark is ended: not another run's, nor what names it elsewhere", async () => {
  const { upstream, run, census } = await start("echo");
  const other = (env: Record<string, string>, more: string[] = []) =>
    spawn("sleep", ["300", ...more], { env: { PATH: "/usr/bin:/bin", ...env }, stdio: "ignore" });
  const spared = [
    other({}),
    other({ [markName]: `${run}x.1` }),
    other({ [markName]: "" }),
    other({ OTHER: `${markName}=${run}.1` }),
    other({ [`X${markName}`]: `${run}.1` }),
  ];
  const ours = other({ [markName]: `${run}.999` });
  await until(() => readFileSync(`/proc/${ours.pid}/comm`, "utf8") === "sleep\n");
  expect(await census()).toBe(3);
  const { pids } = await endMarked((mark) => mark === `${run}.999`);
  expect(pids).toEqual([ours.pid!]);
  expect(spared.map(({ pid }) => alive(pid!))).toEqual(spared.map(() => true));
  expect((await callTool(upstream, "t")).kind).toBe("response");
  for (const one of spared) one.kill("SIGKILL");
});

/** Of this process; the guard is one of its children. */
function zombies(): readonly unknown[] {
  return childrenOf(process.pid).filter(({ state }) => state === "Z");
}
