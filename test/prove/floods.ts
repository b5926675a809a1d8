/** U13, U18, U19, U21: what a server pours out stays out of the gateway's memory and loop. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { startChild, type TestChild } from "../kit/child.ts";
import { startGateway } from "../kit/gateway.ts";
import type { Proof } from "../kit/proof.ts";
import { type RawAgent, rawAgent } from "../kit/raw-agent.ts";
import { echo } from "../kit/servers.ts";
import { p99 } from "./pace.ts";

interface Flood {
  readonly name: string;
  /** Of fault-child.ts. */
  readonly stdio?: string;
  /** Of http-faults.ts. */
  readonly http?: string;
}

const floodsOf: readonly Flood[] = [
  { name: "10 MB of stdout without a line's end", stdio: "endless" },
  { name: "300 MB of stdout in one line", stdio: "giant" },
  { name: "stdout without end and without lines", stdio: "huge" },
  { name: "stdout without end, in lines", stdio: "babble" },
  { name: "1,000,000 progress notifications over stdio", stdio: "storm" },
  { name: "1,000,000 progress notifications over HTTP", http: "storm" },
  { name: "a gzip bomb of 199 kB", http: "gzip-bomb" },
  { name: "an answer of 300 MB over HTTP", http: "giant" },
  { name: "an event of 300 MB over HTTP", http: "giant-event" },
];

const kit = join(import.meta.dirname, "../kit");
const mostBytes = 64 * 1024 * 1024;

export async function floods(run: Proof): Promise<void> {
  const children: TestChild[] = [];
  const servers: Record<string, object> = { steady: echo() };
  const timeout = { idle: "1s", max: "20s" };
  for (const [at, { stdio, http }] of floodsOf.entries()) {
    if (stdio !== undefined) {
      const command = [process.execPath, join(kit, "fault-child.ts"), stdio];
      servers[`s${at}`] = { command, protocol: "legacy", timeout };
    } else {
      const child = startChild([process.execPath, join(kit, "servers/fault-http.ts"), http ?? ""]);
      children.push(child);
      const [url] = await child.says(/http:\/\/\S+/);
      servers[`s${at}`] = { url, timeout };
    }
  }
  await using gateway = await startGateway({
    policy: 'id: p\nallow: ["*"]\n',
    config: { servers },
  });
  const token = await gateway.key("executor");
  const agent = await rawAgent(gateway.url, token);
  const other = await rawAgent(gateway.url, token, { era: "modern" });
  const { pid } = gateway.child();
  for (let count = 0; count < 500; count += 1) await other.call("steady__echo", { text: "warm" });
  for (const [at, flood] of floodsOf.entries()) {
    const others = callOthers(other);
    await Bun.sleep(100);
    const before = memory(pid, "VmRSS");
    // 5: the peak begins anew (proc(5)).
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
    const began = performance.now();
    const answer = await agent.ask("tools/call", {
      ...{ name: `s${at}__t`, arguments: { n: at } },
      _meta: { progressToken: `p${at}` },
    });
    const seconds = (performance.now() - began) / 1000;
    await Bun.sleep(300);
    const grown = memory(pid, "VmHWM") - before;
    const { took, failed } = await others();
    const [code = "answered"] = /GW_[A-Z_]+/.exec(answer.text.slice(-2_000)) ?? [];
    const figure = `${(grown / 1024 / 1024).toFixed(1)} MB; ${code} after ${seconds.toFixed(1)} s`;
    run.bar(`${flood.name}: memory grows (< 64 MB)`, figure, grown < mostBytes);
    const calls = `${took.length}, ${failed} failed, p99 ${p99(took).toFixed(0)} ms`;
    run.bar("  calls of another server meanwhile", calls, took.length > 0 && failed === 0);
    run.say(`${flood.name}: ${figure}; others ${calls}`);
  }
  for (const child of children) await child.kill9();
}

/** Calls one after another until the function that it gives is called. */
function callOthers(agent: RawAgent) {
  let over = false;
  const took: number[] = [];
  let failed = 0;
  const calling = (async () => {
    for (let count = 0; !over; count += 1) {
      const began = performance.now();
      const text = `other ${count}`;
      const answer = await agent.call("steady__echo", { text }).catch(() => undefined);
      if (answer?.text.includes(text) !== true) failed += 1;
      took.push(performance.now() - began);
      await Bun.sleep(5);
    }
  })();
  return async () => {
    over = true;
    await calling;
    return { took, failed };
  };
}

function memory(pid: number, field: "VmRSS" | "VmHWM"): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(text)?.[1] ?? 0) * 1024;
}
