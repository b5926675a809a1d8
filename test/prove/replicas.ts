/**
 * Two gateways on one Postgres with one seal key: a client that goes to one and the other in turn
 * has one session; what ends on one, ends on the other within a second.
 */

import { randomBytes } from "node:crypto";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { startPostgres } from "../kit/postgres.ts";
import type { Proof } from "../kit/proof.ts";
import { type RawAgent, rawAgent } from "../kit/raw-agent.ts";
import { echoHttp } from "../kit/servers.ts";

export async function replicas(run: Proof, calls: number): Promise<void> {
  const postgres = await startPostgres({ durable: false });
  const server = await echoHttp();
  const seal = randomBytes(32).toString("base64url");
  const start = (adminToken?: string) =>
    startGateway({
      ...(adminToken === undefined ? {} : { adminToken }),
      config: {
        database: postgres.adminUrl,
        seal_key: "${TEST_SEAL_KEY}",
        servers: { s: { url: server.url } },
      },
      policy: 'id: p\nallow: ["s/*"]\n',
      env: { TEST_SEAL_KEY: seal },
    });
  try {
    await using one = await start();
    await using two = await start(one.adminToken);
    const token = await one.key("executor", "wanderer");
    await Bun.sleep(1_000);
    const agent = await rawAgent(one.url, token);
    const there = elsewhere(agent, two);
    run.say(`one client, two gateways in turn, ${calls} calls`);
    await alternate(run, agent, there, calls);
    await ended(run, one, two, token);
    await revoked(run, one, agent, there);
  } finally {
    await server.stop();
    await postgres.stop();
  }
}

type Ask = RawAgent["ask"];
const echo = { name: "s__echo", arguments: { text: "hello" } };

/** The same session at another gateway. */
function elsewhere({ headers }: Pick<RawAgent, "headers">, gateway: TestGateway): Ask {
  return async (method, params = {}, id = 1) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    const reply = await fetch(`${gateway.url}/mcp`, { method: "POST", headers, body });
    return { status: reply.status, answer: undefined, text: await reply.text() };
  };
}

async function alternate(run: Proof, here: RawAgent, there: Ask, calls: number): Promise<void> {
  let errors = 0;
  for (let n = 0; n < calls; n++) {
    const reply = await (n % 2 === 0 ? there : here.ask)("tools/call", echo);
    const fine = reply.status === 200 && !/"isError":true|"error":/.test(reply.text);
    if (!fine && errors++ === 0) run.say(`${reply.status} ${reply.text.slice(0, 200)}`);
  }
  run.bar(`session errors in ${calls} calls at two gateways in turn`, errors, errors === 0);
}

async function ended(run: Proof, one: TestGateway, two: TestGateway, token: string): Promise<void> {
  const agent = await rawAgent(one.url, token);
  const there = elsewhere(agent, two);
  await there("tools/list");
  await fetch(`${one.url}/mcp`, { method: "DELETE", headers: agent.headers });
  const ms = await until(async () => (await there("tools/list")).status === 404);
  run.bar("a session ended at one is unknown at the other after", `${ms} ms`, ms <= 1_000);
}

async function revoked(run: Proof, one: TestGateway, here: RawAgent, there: Ask): Promise<void> {
  const done = await one.cli("keys", "revoke", "wanderer");
  if (done.code !== 0) run.say(`${done.stdout}${done.stderr}`);
  const ms = await until(async () => (await there("tools/list")).status === 401);
  run.bar("a key revoked at one is refused at the other after", `${ms} ms`, ms <= 1_000);
  const { status } = await here.ask("tools/list");
  run.bar("and at the one itself", status, status === 401);
}

async function until(holds: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  while (performance.now() - began < 10_000) {
    if (await holds()) return Math.round(performance.now() - began);
    await Bun.sleep(10);
  }
  return 10_000;
}
