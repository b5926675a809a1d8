/**
 * Servers that fail and heal. A command that ends every 2 s and an address that listens for 2 s and
 * refuses for 2 s: starts a minute, wrong answers, and what another server's calls notice, in
 * windows that take turns with calm ones (windows.ts). Then servers that are killed when they have
 * read a call: none of them gets it twice.
 */

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { adminClient } from "../../src/admin/client.ts";
import { type GatewayStatus, paths } from "../../src/admin/contract.ts";
import { startChild } from "../kit/child.ts";
import {
  type FaultServer,
  faultServer,
  json,
  okResult,
  type ReceivedRequest,
} from "../kit/fault-server.ts";
import { freePort } from "../kit/free-port.ts";
import { startGateway } from "../kit/gateway.ts";
import { proof } from "../kit/proof.ts";
import { type RawAgent, rawAgent } from "../kit/raw-agent.ts";
import { echoHttp } from "../kit/servers.ts";
import { openPace } from "./pace.ts";
import { compareWindows } from "./windows.ts";

const run = proof("prove:heal");
const windows = run.option("windows", 10, 15);
const seconds = run.option("seconds", 2, 20);
const kills = run.option("kills", 30, 500);
const servers = join(import.meta.dirname, "../kit/servers");
const mortal = [process.execPath, join(servers, "mortal.ts")];
const [flapPort, killPort] = [await freePort(), await freePort()];
const url = (port: number) => ({ url: `http://127.0.0.1:${port}/mcp`, protocol: "legacy" });
const files = join(process.env["TMPDIR"] ?? "/tmp", `prove-heal-${process.pid}`);
const [starts, calm, canary] = [`${files}-starts`, `${files}-calm`, `${files}-canary`];
for (const file of [starts, calm, canary]) writeFileSync(file, "");

const steady = await echoHttp();
const gateway = await startGateway({
  config: {
    servers: {
      steady: { url: steady.url },
      child: {
        command: ["sh", join(servers, "flapper.sh"), starts, calm],
        protocol: "legacy",
      },
      web: url(flapPort),
      mortal: url(killPort),
    },
  },
  policy: 'id: p\nrules: [{ id: r, effect: allow, tools: ["*/*"], other_args: any }]\n',
});
const token = await gateway.key("executor", "agent");
const admin = adminClient({ socket: join(gateway.folder, "admin.sock"), key: gateway.adminToken });

await flap();
await kill();
for (const file of [starts, calm, canary]) rmSync(file, { force: true });
await gateway[Symbol.asyncDispose]();
await steady.stop();
run.end();

async function flap(): Promise<void> {
  run.say(`a flapping command and a flapping address, ${windows} times ${seconds} s`);
  const seen = { wrong: 0, failed: 0, good: 0 };
  let over = false;
  let web: FaultServer | undefined;
  let flapping: Promise<void> | undefined;

  async function client(name: string): Promise<void> {
    const agent = await rawAgent(gateway.url, token);
    for (let count = 0; !over; count += 1) {
      const text = `${name} ${count}`;
      const answer = await said(agent, name, text);
      const isFault = answer.startsWith("GW_UPSTREAM_") || answer.startsWith("GW_MAY_HAVE_RUN");
      if (answer === text) seen.good += 1;
      else if (isFault) seen.failed += 1;
      else if (seen.wrong++ === 0) run.say(`wrong answer: ${answer}`);
      await Bun.sleep(20);
    }
  }

  /** In this process: what a start of another one costs the machine is not the gateway's. */
  const up = () =>
    faultServer((socket, request) => socket.write(json(okResult(request, textOf(request)))), {
      ...{ port: flapPort, session: () => "s", tools: () => ["echo"] },
    });
  async function address(): Promise<void> {
    while (!existsSync(calm)) {
      await web?.close();
      await Bun.sleep(2_000);
      web = await up();
      for (const end = performance.now() + 2_000; performance.now() < end; await Bun.sleep(20)) {
        if (existsSync(calm)) return;
      }
    }
  }

  /** Beginning and ending is part of what is measured; that what was ended is back is not. */
  const states = async () => (await admin.get<GatewayStatus>(paths.status)).servers;
  const allReady = async () =>
    (await states()).every(({ id, state }) => id === "mortal" || state === "ready");
  const pace = await openPace({ url: `${gateway.url}/mcp`, token, tool: "steady__echo" });
  web = await up();
  await until(allReady, 30_000);
  const clients = ["child__echo", "web__echo"].map(client);
  await compareWindows(run, {
    ...{ what: "servers that flap", pace, windows, seconds, callsPerSecond: 200 },
    begin() {
      rmSync(calm);
      flapping = address();
    },
    async end() {
      writeFileSync(calm, "");
      await flapping;
      // A command that was started 12 times is left alone until a minute is over.
      await until(allReady, 60_000);
      await Bun.sleep(200);
    },
  });
  over = true;
  await Promise.all(clients);
  pace.close();
  await web.close();
  const times = lines(starts).map(Number);
  // From the gateway's decision to the kernel's note it is a few ms, which differ.
  const minute = 59_900;
  const most = Math.max(
    ...times.map((at) => times.filter((one) => one >= at && one < at + minute).length),
  );
  run.say(`${seen.good} answers of flapping servers, ${seen.failed} said to have failed`);
  run.bar(
    "starts of the command, and the most in any minute",
    `${times.length}, ${most}`,
    most <= 12,
  );
  run.bar("wrong answers", seen.wrong, seen.wrong === 0);
  run.bar("answers of flapping servers", seen.good, seen.good > 0);
}

async function kill(): Promise<void> {
  run.say(`${kills} servers killed when they have read a call`);
  writeFileSync(canary, "");
  const agent = await rawAgent(gateway.url, token);
  let [told, refused] = [0, 0];
  for (let count = 0; count < kills; count += 1) {
    const server = startChild([...mortal, String(killPort), canary]);
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

function textOf({ body }: ReceivedRequest): string {
  return JSON.parse(body).params.arguments.text;
}

async function said(agent: RawAgent, name: string, text: string): Promise<string> {
  const { answer, text: all } = await agent.ask("tools/call", { name, arguments: { text } });
  return answer?.result?.content[0]?.text ?? all;
}

async function until(holds: () => Promise<boolean>, ms = 15_000): Promise<void> {
  for (const end = performance.now() + ms; !(await holds()); await Bun.sleep(20)) {
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${holds}`);
  }
}

function lines(file: string): readonly string[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}
