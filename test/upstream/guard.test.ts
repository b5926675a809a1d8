/** U12: children do not outlive a gateway that was killed, even those that ignore everything. */

import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { alive, childrenOf, commandLine } from "../kit/processes.ts";
import { until } from "../kit/upstream.ts";

const child = join(import.meta.dir, "../kit/fault-child.ts");
const kit = join(import.meta.dir, "../kit/upstream.ts");

/** A gateway process with three children: that end with their stdin, that do not, that escape. */
const program = `
const { callTool, stdioUpstream, testUpstream, untilState } = await import(${JSON.stringify(kit)});
const pids = [];
for (const mode of ["echo", "stays", "escapes"]) {
  const command = [process.execPath, ${JSON.stringify(child)}, mode];
  const upstream = await testUpstream(stdioUpstream(command, { protocol: "legacy" }));
  upstream.start();
  await untilState(upstream, "ready");
  pids.push(upstream.status().pid);
  if (mode !== "escapes") continue;
  const { text } = await callTool(upstream, "t");
  pids.push(...JSON.parse(text).result.content[0].text.split(" "));
}
console.log(pids.join(" "));
setInterval(() => undefined, 1000);`;

async function startGateway() {
  const gateway = spawn(process.execPath, ["-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const line = await new Promise<string>((resolve) =>
    gateway.stdout.once("data", (data) => resolve(String(data))),
  );
  const pids = line.trim().split(" ").map(Number);
  expect(pids.map(alive)).toEqual([true, true, true, true, true]);
  return { gateway, pids };
}

test("U12 kill -9 of the gateway ends its children within 5 s", async () => {
  const { gateway, pids } = await startGateway();
  gateway.kill("SIGKILL");
  await until(() => pids.every((pid) => !alive(pid)), 5_000);
}, 20_000);

test("U12 a guard that was killed is replaced, by one that knows of all children", async () => {
  const { gateway, pids } = await startGateway();
  const guards = () =>
    childrenOf(gateway.pid ?? 0).filter(({ pid }) =>
      commandLine(pid).some((word) => word.includes("guard-run")),
    );
  const [first] = guards();
  expect(guards()).toHaveLength(1);
  process.kill(first?.pid ?? 0, "SIGKILL");
  await until(() => guards().some(({ pid, state }) => pid !== first?.pid && state !== "Z"), 5_000);
  // It has read what it is told when its program is loaded.
  await Bun.sleep(500);
  gateway.kill("SIGKILL");
  await until(() => pids.every((pid) => !alive(pid)), 5_000);
}, 20_000);
