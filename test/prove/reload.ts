/**
 * 100 reloads at 200 calls a second, half of them changing something: timeouts, a server's
 * environment, the policy, a server more or less. No call fails and no session is lost.
 * By default 30 reloads in about 15 s; `-- --full` is all of them.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminClient } from "../../src/admin/client.ts";
import { type GatewayStatus, paths } from "../../src/admin/contract.ts";
import type { ReloadReport } from "../../src/admin/contract-reload.ts";
import { startGateway } from "../kit/gateway.ts";
import { proof } from "../kit/proof.ts";
import { type RawAgent, rawAgent } from "../kit/raw-agent.ts";
import { echo, echoHttp } from "../kit/servers.ts";

const run = proof("prove:reload");
const reloads = run.option("reloads", 30, 100);
const everyMs = 500;
const callsPerSecond = 200;

const web = await echoHttp();
const base = { child: echo(), steady: echo(), web: { url: web.url } };
const policy = 'id: p\nallow: ["*"]\n';
const gateway = await startGateway({ config: { servers: base }, policy });
const socket = join(gateway.folder, "admin.sock");
const client = adminClient({ socket, key: gateway.adminToken });
const token = await gateway.key("executor");
const status = () => client.get<GatewayStatus>(paths.status);
const pidOf = async (id: string) => (await status()).servers.find((one) => one.id === id)?.pid;

const agents: { agent: RawAgent; session: string }[] = [];
for (let at = 0; at < 16; at++) {
  const agent = await rawAgent(gateway.url, token, { era: at % 4 === 3 ? "modern" : "legacy" });
  agents.push({ agent, session: agent.headers["mcp-session-id"] ?? "" });
}
const sessions = (await status()).sessions;
const steady = await pidOf("steady");

const failures: string[] = [];
let [calls, inFlight] = [0, 0];
let over = false;
const took: number[] = [];

async function call(): Promise<void> {
  const { agent } = agents[calls % agents.length] as (typeof agents)[number];
  const server = ["child", "steady", "web"][calls % 3] as string;
  calls += 1;
  inFlight += 1;
  const began = performance.now();
  const text = `n${calls}`;
  try {
    const answer = await agent.call(`${server}__echo`, { text });
    if (!answer.text.includes(text)) failures.push(`another answer: ${answer.text}`);
  } catch (thrown) {
    failures.push(`${server}: ${String(thrown)}`);
  }
  took.push(performance.now() - began);
  inFlight -= 1;
}

/** As many as are due, so that a late timer lowers no rate. */
async function load(): Promise<void> {
  const began = performance.now();
  while (!over) {
    const due = ((performance.now() - began) / 1000) * callsPerSecond;
    while (calls < due) void call();
    await Bun.sleep(5);
  }
}

const loading = load();
const config = JSON.parse(readFileSync(gateway.config, "utf8")) as Record<string, unknown>;
const changes: readonly ((n: number) => void)[] = [
  (n) => write({ ...base, child: { ...echo(), timeout: `${30 + n}s`, max_in_flight: 100 + n } }),
  (n) => write({ ...base, child: { ...echo(), env: { RELOADED: String(n) } } }),
  (n) => writePolicy(`${policy}rules:\n  - { id: r${n}, effect: deny, tools: [web/none] }\n`),
  (n) => write({ ...base, [`more-${n}`]: echo() }),
  () => write(base),
  (n) => write({ ...base, web: { url: web.url, headers: { "X-Reloaded": String(n) } } }),
];

function write(servers: object): void {
  writeFileSync(gateway.config, JSON.stringify({ ...config, servers }));
}

function writePolicy(text: string): void {
  writeFileSync(join(gateway.folder, "policy.yaml"), text);
}

await Bun.sleep(500);
let changed = 0;
const reloadMs: number[] = [];
for (let n = 0; n < reloads; n++) {
  if (n % 2 === 0) changes[(n / 2) % changes.length]?.(n);
  const began = performance.now();
  const report = await client.post<ReloadReport>(paths.reload, {});
  reloadMs.push(performance.now() - began);
  if (report.changed) changed += 1;
  await Bun.sleep(Math.max(0, everyMs - (performance.now() - began)));
}
over = true;
await loading;
for (const until = performance.now() + 10_000; inFlight > 0 && performance.now() < until; ) {
  await Bun.sleep(20);
}

const same = agents.every(
  ({ agent, session }) => (agent.headers["mcp-session-id"] ?? "") === session,
);
const after = await status();
for (const failure of [...new Set(failures)].slice(0, 5)) run.say(failure);
const ms = (list: readonly number[], share: number) =>
  `${(list.toSorted((a, b) => a - b)[Math.floor(list.length * share)] ?? 0).toFixed(1)} ms`;
run.say(`a reload took ${ms(reloadMs, 0.5)} (p50), ${ms(reloadMs, 0.99)} (p99)`);
run.say(`a call took ${ms(took, 0.5)} (p50), ${ms(took, 0.99)} (p99)`);
const half = Math.floor(reloads / 2);
run.bar("reloads, and those that changed something", `${reloads}, ${changed}`, changed >= half);
const seconds = (reloads * everyMs) / 1000;
run.bar("calls", String(calls), calls >= seconds * callsPerSecond * 0.9);
run.bar("failed calls", String(failures.length), failures.length === 0 && inFlight === 0);
run.bar(
  "sessions before and after",
  `${sessions}, ${after.sessions}`,
  after.sessions === sessions && same,
);
const kept = await pidOf("steady");
run.bar("process of the server that did not change", `${steady}, ${kept}`, steady === kept);
const draining = after.servers.reduce((sum, one) => sum + (one.instances?.length ?? 0), 0);
run.bar("old processes that still wait", String(draining), draining === 0);
await gateway[Symbol.asyncDispose]();
await web.stop();
run.end();
