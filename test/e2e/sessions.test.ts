import { afterAll, beforeAll, expect, test } from "bun:test";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";
import { rawAgent } from "../kit/raw-agent.ts";
import { echoHttp } from "../kit/servers.ts";

let postgres: TestPostgres;
let server: Awaited<ReturnType<typeof echoHttp>>;
beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  server = await echoHttp();
}, 60_000);
afterAll(async () => {
  await server.stop();
  await postgres.stop();
});

const policy = 'id: p\nallow: ["s/*"]\n';

function replica(seal: string, first?: TestGateway): Promise<TestGateway> {
  return startGateway({
    ...(first === undefined ? {} : { adminToken: first.adminToken }),
    config: {
      database: postgres.adminUrl,
      seal_key: "${TEST_SEAL_KEY}",
      servers: { s: { url: server.url } },
    },
    policy,
    env: { TEST_SEAL_KEY: seal },
  });
}

type Headers_ = Readonly<Record<string, string>>;

function send(gateway: TestGateway, headers: Headers_, method: string, params = {}, id = 1) {
  const body = JSON.stringify({ jsonrpc: "2.0", id, method, params });
  return fetch(`${gateway.url}/mcp`, { method: "POST", headers, body });
}

const echo = { name: "s__echo", arguments: { text: "hello" } };

async function within(ms: number, holds: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  while (!(await holds())) {
    if (performance.now() - began > ms) throw new Error(`not within ${ms} ms`);
    await Bun.sleep(10);
  }
  return performance.now() - began;
}

test("two gateways on one Postgres: a client that goes to each in turn has one session", async () => {
  const seal = "5e".repeat(32);
  await using one = await replica(seal);
  await using two = await replica(seal, one);
  const token = await one.key("executor", "wanderer");
  const { headers } = await rawAgent(one.url, token);
  await within(5_000, async () => (await send(two, headers, "tools/list")).status === 200);
  let errors = 0;
  for (let at = 0; at < 200; at++) {
    const answer = await send(at % 2 === 0 ? two : one, headers, "tools/call", echo, at);
    const text = await answer.text();
    if (answer.status !== 200 || !text.includes("hello") || text.includes('isError":true'))
      errors++;
  }
  expect(errors).toBe(0);

  // Both say that they have the same key, and nothing of it.
  for (const gateway of [one, two]) {
    const { stdout } = await gateway.cli("status", "--json");
    const { sealKey } = JSON.parse(stdout);
    expect(sealKey).toEqual({
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      from: "config",
    });
    expect(stdout + gateway.stderr()).not.toContain(seal);
  }

  // Ended at one, unknown at the other.
  await fetch(`${one.url}/mcp`, { method: "DELETE", headers });
  const gone = async () => (await send(two, headers, "tools/list")).status === 404;
  expect(await within(2_000, gone)).toBeLessThan(1_500);

  // Revoked at one, refused at the other, its stream too (F11).
  const again = await rawAgent(one.url, token);
  const stream = await fetch(`${two.url}/mcp`, { headers: again.headers });
  expect(stream.status).toBe(200);
  await one.cli("keys", "revoke", "wanderer");
  const refused = async () => (await send(two, again.headers, "tools/list")).status === 401;
  expect(await within(2_000, refused)).toBeLessThan(1_500);
  const ended = await Promise.race([stream.text(), Bun.sleep(2_000).then(() => undefined)]);
  expect(ended).toBeString();
}, 90_000);

test("a session goes on after kill -9; what was ended stays ended", async () => {
  await using gateway = await startGateway({
    config: { servers: { s: { url: server.url } } },
    policy,
  });
  const token = await gateway.key("executor", "stayer");
  const stayer = (await rawAgent(gateway.url, token)).headers;
  const leaver = (await rawAgent(gateway.url, token)).headers;
  await send(gateway, stayer, "logging/setLevel", { level: "error" });
  await fetch(`${gateway.url}/mcp`, { method: "DELETE", headers: leaver });
  await Bun.sleep(500);
  await gateway.kill9();
  await gateway.restart();
  const answers = await Promise.all(
    [stayer, leaver].map((headers) => send(gateway, headers, "tools/call", echo)),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 404]);
  expect(await answers[0]!.text()).toContain("hello");
}, 60_000);
