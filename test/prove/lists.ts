/** 20 servers, one of them hangs, and one that comes up late: what new clients see, how soon. */

import { join } from "node:path";
import process from "node:process";
import { startChild, type TestChild } from "../kit/child.ts";
import { faultServer } from "../kit/fault-server.ts";
import { freePort } from "../kit/free-port.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { lateness } from "../kit/lateness.ts";
import type { Proof } from "../kit/proof.ts";
import { rawAgent } from "../kit/raw-agent.ts";

const count = 20;
const clients = 20;
const mostMs = 50;

export async function lists(run: Proof, times: number): Promise<void> {
  const well = [];
  for (let at = 0; at < count - 1; at += 1) {
    const tools = () => [`a${at}`, `b${at}`];
    well.push(await faultServer(() => undefined, { tools }));
  }
  const everything = ["server/discover", "initialize", "tools/list", ""];
  const hung = await faultServer(() => undefined, { handles: everything });
  const port = await freePort();
  const late = `http://127.0.0.1:${port}/mcp`;
  const urls = [...well, hung].map(({ url }, at) => [`s${at}`, { url }] as const);
  await using gateway = await startGateway({
    policy: 'id: p\nallow: ["*"]\n',
    config: { servers: { ...Object.fromEntries(urls), late: { url: late } } },
  });
  const token = await gateway.key("executor");
  const tools = 2 * (count - 1);
  await firstLists(run, gateway, `one of ${count} servers hangs since the start`, tools, token);
  await gateway.kill9();
  await gateway.restart();
  await firstLists(run, gateway, "just after a restart, the same", tools, token);
  await comesLate(run, gateway, port, times, token);
  for (const server of [...well, hung]) await server.close();
}

/** The first tools/list of each client, half of them with a key of their own. */
async function firstLists(
  run: Proof,
  gateway: TestGateway,
  what: string,
  tools: number,
  token: string,
) {
  // The very first one may wait for servers that are starting.
  const first = await rawAgent(gateway.url, token);
  const began = performance.now();
  await first.ask("tools/list");
  run.say(`${what}: the first list since the start took ${ms(performance.now() - began)}`);
  let [slowest, sets, wrong] = [Number.POSITIVE_INFINITY, 0, 0];
  let median = Number.NaN;
  // Who waits for a server waits each time; who waits for the machine does not.
  while (slowest > mostMs && sets < 3) {
    sets += 1;
    const took = await newClients(gateway, token, tools, () => {
      wrong += 1;
    });
    took.sort((a, b) => a - b);
    slowest = Math.min(slowest, took.at(-1) ?? Number.NaN);
    median = took[clients / 2] ?? Number.NaN;
  }
  const figure = `${ms(slowest)}, median ${ms(median)}${sets > 1 ? `, the best of ${sets}` : ""}`;
  run.bar(
    `${what}: slowest first tools/list of ${clients} clients (<= ${mostMs} ms)`,
    figure,
    slowest <= mostMs,
  );
  run.bar(`  lists that lack tools of the others`, wrong, wrong === 0);
}

/** A busy machine is late with a list, and with this process as well. */
const turns = lateness();

/** The ms that each one's first list took. */
async function newClients(gateway: TestGateway, token: string, tools: number, lacks: () => void) {
  const took: number[] = [];
  for (let at = 0; at < clients; at += 1) {
    const own = at % 2 === 0 ? token : await gateway.key("executor");
    const era = at % 4 < 2 ? "legacy" : "modern";
    const agent = await rawAgent(gateway.url, own, { era });
    const since = performance.now();
    turns.reset();
    const { answer } = await agent.ask("tools/list");
    took.push(performance.now() - since - turns.worst());
    const listed = (answer?.result as { tools?: unknown[] } | undefined)?.tools ?? [];
    if (listed.length !== tools) lacks();
  }
  return took;
}

async function comesLate(
  run: Proof,
  gateway: TestGateway,
  port: number,
  times: number,
  token: string,
) {
  const script = join(import.meta.dirname, "../kit/servers/fault-http.ts");
  const agent = await rawAgent(gateway.url, token);
  const took: number[] = [];
  let server: TestChild | undefined;
  for (let time = 0; time < times; time += 1) {
    // Away for long enough that waits have grown, where they grow.
    await Bun.sleep(1_500 + 1_000 * (time % 3));
    server = startChild([process.execPath, script, "hang", String(port)]);
    await server.says(/http/);
    const began = performance.now();
    // What is listed from before does not mean that it is there: a call tells.
    while (!(await listed(agent)) || !(await answers(agent))) await Bun.sleep(10);
    took.push(performance.now() - began);
    await server.kill9();
    await gateway.cli("servers", "disable", "late");
    await gateway.cli("servers", "enable", "late");
  }
  const slowest = Math.max(...took);
  const figure = `${ms(slowest)}; ${took.map(ms).join(", ")}`;
  run.bar(
    `down at start, up later: tools are there (<= 2 s), ${times} times`,
    figure,
    slowest <= 2_000,
  );
}

type Agent = Awaited<ReturnType<typeof rawAgent>>;

async function listed(agent: Agent): Promise<boolean> {
  return (await agent.ask("tools/list")).text.includes('"late__t"');
}

async function answers(agent: Agent): Promise<boolean> {
  const { text } = await agent.ask("tools/call", { name: "late__t", arguments: { well: true } });
  return !text.includes("GW_");
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}
