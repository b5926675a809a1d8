/**
 * Servers that fail and heal. A command that ends every 2 s and an address that listens for 2 s and
 * refuses for 2 s: starts a minute, wrong answers, and what another server's calls notice, in
 * windows that take turns with calm ones. Then servers that are killed when they have read a call:
 * none of them gets it twice.
 */

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { startChild, type TestChild } from "../kit/child.ts";
import { freePort } from "../kit/free-port.ts";
import { startGateway } from "../kit/gateway.ts";
import { proof } from "../kit/proof.ts";
import { type RawAgent, rawAgent } from "../kit/raw-agent.ts";

const run = proof("prove:heal");
const seconds = run.option("seconds", 60, 300);
const kills = run.option("kills", 50, 500);
const flapper = join(import.meta.dirname, "../kit/servers/flapper.ts");
const [flapPort, killPort] = [await freePort(), await freePort()];
const url = (port: number) => ({ url: `http://127.0.0.1:${port}/mcp`, protocol: "legacy" });
const files = join(process.env["TMPDIR"] ?? "/tmp", `prove-heal-${process.pid}`);
const [starts, calm, canary] = [`${files}-starts`, `${files}-calm`, `${files}-canary`];
for (const file of [starts, canary]) writeFileSync(file, "");

const gateway = await startGateway({
  config: {
    servers: {
      steady: { command: [process.execPath, flapper, "stdio", "/dev/null", "/"] },
      child: { command: [process.execPath, flapper, "stdio", starts, calm], protocol: "legacy" },
      web: url(flapPort),
      mortal: url(killPort),
    },
  },
  policy: 'id: p\nrules: [{ id: r, effect: allow, tools: ["*/*"], other_args: any }]\n',
});
const token = await gateway.key("executor", "agent");

await flap();
await kill();
for (const file of [starts, calm, canary]) rmSync(file, { force: true });
await gateway[Symbol.asyncDispose]();
run.end();

async function flap(): Promise<void> {
  run.say(`a flapping command and a flapping address for ${seconds} s, beside a steady server`);
  const end = performance.now() + seconds * 1000;
  const took = { calm: [] as number[], flapping: [] as number[] };
  const seen = { steady: 0, lost: 0, wrong: 0, failed: 0, good: 0 };
  const isOver = () => performance.now() > end;

  async function client(name: string): Promise<void> {
    const agent = await rawAgent(gateway.url, token);
    for (let count = 0; !isOver(); count += 1) {
      const text = `${name} ${count}`;
      const began = performance.now();
      const window = existsSync(calm) ? "calm" : "flapping";
      const answer = await said(agent, name, text);
      const isFault = answer.startsWith("GW_UPSTREAM_") || answer.startsWith("GW_MAY_HAVE_RUN");
      if (name === "steady__echo") {
        took[window].push(performance.now() - began);
        if (answer === text) seen.steady += 1;
        else seen.lost += 1;
      } else if (answer === text) seen.good += 1;
      else if (isFault) seen.failed += 1;
      else if (seen.wrong++ === 0) run.say(`wrong answer: ${answer}`);
      await Bun.sleep(name === "steady__echo" ? 5 : 20);
    }
  }

  async function windows(): Promise<void> {
    for (let turn = 0; !isOver(); turn += 1) {
      if (turn % 2 === 0) rmSync(calm, { force: true });
      else writeFileSync(calm, "");
      await Bun.sleep(5_000);
    }
  }

  async function address(): Promise<void> {
    let server: TestChild | undefined;
    while (!isOver()) {
      server ??= startChild([process.execPath, flapper, "http", String(flapPort), canary]);
      await Bun.sleep(2_000);
      if (existsSync(calm)) continue;
      await server.kill9();
      server = undefined;
      await Bun.sleep(2_000);
    }
    await server?.kill9();
  }

  const names = ["steady__echo", "steady__echo", "child__echo", "web__echo"];
  await Promise.all([windows(), address(), ...names.map(client)]);
  const times = lines(starts).map(Number);
  const most = Math.max(
    ...times.map((at) => times.filter((one) => one >= at && one < at + 60_000).length),
  );
  const [quiet, busy] = [p99(took.calm), p99(took.flapping)];
  run.say(`${seen.good} answers of flapping servers, ${seen.failed} said to have failed`);
  run.bar("starts of the command in any minute", most, most <= 12);
  run.bar("wrong answers", seen.wrong, seen.wrong === 0);
  run.bar("answers of flapping servers", seen.good, seen.good > 0);
  run.bar(`calls of the steady server that failed, of ${seen.steady}`, seen.lost, seen.lost === 0);
  const figure = `${busy.toFixed(2)} ms, ${quiet.toFixed(2)} ms in calm windows`;
  run.bar("its p99 beside flapping ones, at most 20 % more", figure, busy <= quiet * 1.2);
}

async function kill(): Promise<void> {
  run.say(`${kills} servers killed when they have read a call`);
  writeFileSync(canary, "");
  const agent = await rawAgent(gateway.url, token);
  let [told, refused] = [0, 0];
  for (let count = 0; count < kills; count += 1) {
    const server = startChild([process.execPath, flapper, "http", String(killPort), canary]);
    await until(async () => (await said(agent, "mortal__echo", "up")) === "up");
    const text = `call ${count}`;
    const answer = await said(agent, "mortal__die", text);
    if (answer.startsWith("GW_UPSTREAM_LOST") && answer.includes("may have run")) told += 1;
    else run.say(answer);
    if ((await said(agent, "mortal__die", text)).startsWith("GW_MAY_HAVE_RUN")) refused += 1;
    await server.kill9();
  }
  const ran = new Map<string, number>();
  for (const text of lines(canary)) ran.set(text, (ran.get(text) ?? 0) + 1);
  const most = Math.max(0, ...ran.values());
  run.bar("calls that reached their server", ran.size, ran.size === kills);
  run.bar("most often that one call ran", most, most <= 1);
  run.bar("of them told that they may have run", told, told === kills);
  run.bar("repeated calls that were refused", refused, refused === kills);
}

async function said(agent: RawAgent, name: string, text: string): Promise<string> {
  const { answer, text: all } = await agent.ask("tools/call", { name, arguments: { text } });
  return answer?.result?.content[0]?.text ?? all;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 15_000; !(await holds()); await Bun.sleep(20)) {
    if (performance.now() > end) throw new Error(`not so within 15 s: ${holds}`);
  }
}

function lines(file: string): readonly string[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

function p99(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.POSITIVE_INFINITY;
}
