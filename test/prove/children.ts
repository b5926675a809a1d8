/**
 * Children of the gateway end with what they started: restarts and kills of servers that ignore
 * TERM, fork, leave their group, hold pipes or stop themselves, and of the gateway, alone and with
 * its guard. After each the processes are counted, by a variable that is not the gateway's mark,
 * until they are as many as before; what the machine itself was late with is taken off their times.
 * Then: what servers can read of the gateway's secrets.
 *
 * `--events N` (20; 200 with `--full`).
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { adminClient } from "../../src/admin/client.ts";
import { type GatewayStatus, paths } from "../../src/admin/contract.ts";
import { startGateway } from "../kit/gateway.ts";
import { lateness } from "../kit/lateness.ts";
import { childrenOf, commandLine, processesWith, seen } from "../kit/processes.ts";
import { proof } from "../kit/proof.ts";
import { type RawAgent, rawAgent } from "../kit/raw-agent.ts";
import { proveSecrets } from "./children-secrets.ts";

const run = proof("prove:children");
const events = run.option("events", 20, 200);
const script = join(import.meta.dirname, "../kit/fault-child.ts");
/** Every process of every server has it, and nobody else on this machine. */
const token = `PROVE_CHILDREN=${process.pid}-${Date.now()}`;
const modes = ["stays", "escapes", "holds", "bomb", "stops", "zombie"] as const;
const server = (mode: string) => ({
  command: [process.execPath, script, mode],
  env: Object.fromEntries([token.split("=")]),
  protocol: "legacy",
});
const gateway = await startGateway({
  config: { servers: Object.fromEntries(["echo", ...modes].map((mode) => [mode, server(mode)])) },
  policy: 'id: p\nallow: ["*/*"]\n',
});
const key = await gateway.key("executor");
const admin = adminClient({
  socket: join(gateway.folder, "admin.sock"),
  key: gateway.adminToken,
  timeoutMs: 20_000,
});
/** A process for each server. */
const baseline = modes.length + 1;
const all = new Set<number>();
const slowest = new Map<string, number>();
const counts = new Map<string, number>();
const bystander = { calls: 0, failed: 0, ms: 0 };
/** A busy machine is late with all of it, and with this process as well. */
const turns = lateness();
let [late, zombies, most, agent] = [0, 0, 0, await ready()];
await misbehave(agent);
const files = openFiles();

const acts: readonly (readonly [string, number, () => Promise<void>])[] = [
  ["kill -9 of a server", modes.length, killServers],
  ["restart of a server", modes.length, restart],
  ["kill -9 of the gateway", 1, () => killGateway(false)],
  ["kill -9 of the gateway and its guard", 1, () => killGateway(true)],
  ["disable and enable of a server", modes.length, disable],
  ["stop of the gateway", 1, stopGateway],
];
for (let done = 0, turn = 0; done < events; turn += 1) {
  const [name, size, act] = acts[turn % acts.length] as (typeof acts)[number];
  turns.reset();
  await act();
  done += size;
  counts.set(name, (counts.get(name) ?? 0) + size);
  run.say(`${done} of ${events}: ${name}${size > 1 ? `, ${size} at once` : ""}`);
}
await restart();
const leaked = openFiles() - files;
await gateway.stop();
const left = processesWith(token).length;
const unreaped = () => [...all].filter((pid) => seen(pid)?.state === "Z").length;
for (let tries = 0; tries < 50 && unreaped() > 0; tries += 1) await Bun.sleep(100);
await proveSecrets(run);

for (const [name, ms] of slowest) {
  const figure = `${counts.get(name)} times, the slowest ${(ms / 1000).toFixed(1)} s`;
  run.bar(`${name}: processes as before within 5 s`, figure, ms <= 5_000);
}
run.bar("processes seen, and at one time", `${all.size} and ${most}`, all.size > events);
run.bar("not as before in time", late, late === 0);
run.bar("zombies that the gateway, its guard or a server left", zombies, zombies === 0);
run.bar("zombies 5 s after the last stop", unreaped(), unreaped() === 0);
run.bar("left after the last stop", left, left === 0);
run.bar("files the gateway has open more than at first", leaked, leaked <= 2);
const { calls, failed, ms } = bystander;
run.bar("calls of another server meanwhile", `${calls}, ${failed} failed`, failed === 0);
run.bar("slowest of them (< 1 s)", `${ms.toFixed(0)} ms`, calls > 0 && ms < 1_000);
run.end();

/** Waits until each server answers, and gives an agent. */
async function ready(): Promise<RawAgent> {
  const made = await rawAgent(gateway.url, key);
  for (const until = performance.now() + 20_000; performance.now() < until; await Bun.sleep(50)) {
    const { servers } = await admin.get<GatewayStatus>(paths.status);
    if (servers.length === baseline && servers.every(({ state }) => state === "ready")) return made;
  }
  throw new Error("the servers are not ready");
}

/** Each server starts what it starts; what comes of it is in the census. */
async function misbehave(by: RawAgent): Promise<void> {
  for (const mode of modes) {
    // One that stops itself answers before.
    await by.call(`${mode}__t`, {}).catch((thrown: Error) => run.say(`${mode}: ${thrown.message}`));
  }
  await Bun.sleep(200);
  const now = census();
  most = Math.max(most, now.length);
}

function census(): number[] {
  const pids = processesWith(token).map(({ pid }) => pid);
  for (const pid of pids) all.add(pid);
  return pids;
}

/** Until there are `expected` processes, none of them one of `old`. */
async function settle(name: string, old: readonly number[], expected: number, since: number) {
  for (;;) {
    const now = census();
    const ms = performance.now() - since;
    if (now.length === expected && !now.some((pid) => old.includes(pid))) {
      slowest.set(name, Math.max(slowest.get(name) ?? 0, ms - turns.worst()));
      break;
    }
    if (ms > 10_000) {
      late += 1;
      slowest.set(name, ms);
      run.say(`LATE ${name}: ${now.length} of ${expected}: ${now.map(commandLine).join("; ")}`);
      break;
    }
    await Bun.sleep(20);
  }
  const dead = [...all].flatMap((pid) => seen(pid) ?? []).filter(({ state }) => state === "Z");
  // What has lost its parent is init's, which takes its time.
  const ours = dead.filter(({ parent }) => parent !== 1);
  zombies += ours.length;
  if (ours.length > 0) run.say(`ZOMBIES ${JSON.stringify(ours)}`);
}

/** Direct children of the gateway that are servers in a bad mode. */
function servers(): number[] {
  const pids = childrenOf(gateway.child().pid).map(({ pid }) => pid);
  return pids.filter((pid) => modes.includes(commandLine(pid)[2] as (typeof modes)[number]));
}

/** The process that is never touched stays out of the count. */
function spared(pids: readonly number[]): number[] {
  return pids.filter((pid) => commandLine(pid).at(-1) !== "echo");
}

async function meanwhile(work: () => Promise<void>): Promise<void> {
  let over = false;
  const calling = (async () => {
    while (!over) {
      const began = performance.now();
      bystander.calls += 1;
      await agent.call("echo__t", {}).catch((thrown: Error) => {
        bystander.failed += 1;
        run.say(`FAILED ${thrown.message}`);
      });
      bystander.ms = Math.max(bystander.ms, performance.now() - began - turns.worst());
      await Bun.sleep(10);
    }
  })();
  await work();
  over = true;
  await calling;
}

async function killServers(): Promise<void> {
  const old = spared(census());
  const began = performance.now();
  await meanwhile(async () => {
    for (const pid of servers()) process.kill(pid, "SIGKILL");
    await settle("kill -9 of a server", old, baseline, began);
  });
  agent = await ready();
  await misbehave(agent);
}

/** Of all servers at once. */
async function tell(path: string): Promise<void> {
  await Promise.all(modes.map((mode) => admin.post(path, { server: mode })));
}

async function restart(): Promise<void> {
  const old = spared(census());
  const began = performance.now();
  await meanwhile(async () => {
    const told = tell(paths.serverRestart);
    await settle("restart of a server", old, baseline, began);
    await told;
  });
  agent = await ready();
  await misbehave(agent);
}

async function disable(): Promise<void> {
  const old = spared(census());
  const began = performance.now();
  await meanwhile(async () => {
    const told = tell(paths.serverDisable);
    await settle("disable and enable of a server", old, 1, began);
    await told;
  });
  await tell(paths.serverEnable);
  agent = await ready();
  await misbehave(agent);
}

async function killGateway(withGuard: boolean): Promise<void> {
  const old = census();
  const { pid } = gateway.child();
  const guards = childrenOf(pid).filter((one) => commandLine(one.pid)[1] === "guard");
  const name = withGuard ? "kill -9 of the gateway and its guard" : "kill -9 of the gateway";
  if (guards.length !== 1) run.say(`LATE there are ${guards.length} guards`);
  if (withGuard) for (const guard of guards) process.kill(guard.pid, "SIGKILL");
  let began = performance.now();
  await gateway.kill9();
  if (!withGuard) await settle(name, old, 0, began);
  began = performance.now();
  await gateway.restart();
  if (withGuard) await settle(name, old, baseline, began);
  agent = await ready();
  await misbehave(agent);
}

async function stopGateway(): Promise<void> {
  const old = census();
  const began = performance.now();
  const ended = gateway.stop();
  await settle("stop of the gateway", old, 0, began);
  if ((await ended) !== 0) late += 1;
  await gateway.restart();
  agent = await ready();
  await misbehave(agent);
}

function openFiles(): number {
  return readdirSync(`/proc/${gateway.child().pid}/fd`).length;
}
