/**
 * A TUI costs the gateway nothing: windows of 1,000 calls a second, without (A), with a TUI
 * attached (B) and with one whose terminal nobody reads (C), in turn: A, B, A, C, A … What B and C
 * add to the p99 must be within what A differs from A.
 *
 * Gateway on cpu 1; load, upstream and terminals on cpu 0. `--windows N` of `--seconds S` each.
 */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { onGatewayCpu, onLoadCpu, startUpstream } from "../bench/targets.ts";
import { startChild, type TestChild } from "../kit/child.ts";
import { startGateway } from "../kit/gateway.ts";
import { proof } from "../kit/proof.ts";
import { openPace, p99 } from "./pace.ts";

const run = proof("prove:tui");
const windows = run.option("windows", 10, 20);
const seconds = run.option("seconds", 1.5, 5);
const callsPerSecond = 1_000;

execFileSync("taskset", ["-a", "-c", "-p", "0", String(process.pid)], { stdio: "ignore" });
const upstream = await startUpstream();
await using gateway = await startGateway({
  config: { servers: { bench: { url: upstream.url } }, log: { level: "warn" } },
  policy: 'id: p\nallow: ["bench/*"]\n',
  wrap: onGatewayCpu,
});
const token = await gateway.key("executor", "bench");
const pace = await openPace({ url: `${gateway.url}/mcp`, token, tool: "bench__echo" });
run.say(`${callsPerSecond} calls/s, ${windows} windows of each kind, ${seconds} s each`);
await pace.run(callsPerSecond, 5);

const found: Record<"A" | "B" | "C", number[]> = { A: [], B: [], C: [] };
const shifts: Record<"B" | "C", number[]> = { B: [], C: [] };
let before = await window("A");
for (let turn = 0; turn < windows; turn++) {
  for (const kind of ["B", "C"] as const) {
    const terminal = await openTui();
    if (kind === "C") process.kill(terminal.pid, "SIGSTOP");
    const with_ = await window(kind);
    if (kind === "C") process.kill(terminal.pid, "SIGCONT");
    await terminal.stop(2_000);
    const after = await window("A");
    shifts[kind].push(with_ - (before + after) / 2);
    before = after;
  }
}
const spread = found.A.slice(1).map((ms, at) => Math.abs(ms - (found.A[at] ?? 0)));
const limit = quantile(spread, 0.9);
run.say(`A/A spread, p90: ${limit.toFixed(2)} ms`);
for (const kind of ["B", "C"] as const) {
  const shift = quantile(shifts[kind], 0.5);
  const what = kind === "B" ? "a TUI attached" : "its terminal stalled";
  run.bar(`p99 with ${what}: median shift, ms`, shift.toFixed(3), shift <= limit);
}
pace.close();
await gateway.stop();
await upstream.stop();
run.end();

async function window(kind: "A" | "B" | "C"): Promise<number> {
  const ms = p99(await pace.run(callsPerSecond, seconds));
  found[kind].push(ms);
  run.say(`${kind} p99 ${ms.toFixed(2)} ms`);
  return ms;
}

/** A process that has the TUI in a pseudo-terminal: stopped, it is a terminal nobody reads. */
async function openTui(): Promise<TestChild> {
  const host = join(import.meta.dirname, "../kit/tui-host.ts");
  const command = [...onLoadCpu, "nice", "-n", "19", process.execPath, host, gateway.config];
  const child = startChild(command, { env: { ...process.env, HOME: gateway.folder } });
  await child.says(/attached/, 20_000);
  return child;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
