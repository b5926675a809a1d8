/**
 * A resource of server-everything over HTTP is watched by sessions of both SDKs while the server is
 * killed and started again, which forgets session and subscription: clients notice nothing of it.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type AdminClient, adminClient } from "../../src/admin/client.ts";
import { type GatewayStatus, paths } from "../../src/admin/contract.ts";
import { legacyAgent, modernAgent, textOf } from "../kit/clients.ts";
import { freePort } from "../kit/free-port.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { everythingHttp, type HttpServer } from "../kit/servers.ts";

const uri = "demo://resource/dynamic/text/1";
let gateway: TestGateway;
let admin: AdminClient;
let web: HttpServer;

beforeAll(async () => {
  const port = await freePort();
  web = await everythingHttp(port);
  gateway = await startGateway({
    program: "bun",
    policy: 'id: p\nrules: [{ id: all, effect: allow, methods: ["*"] }]\n',
    config: { servers: { web: { url: web.url } } },
  });
  const socket = `${gateway.folder}/admin.sock`;
  admin = adminClient({ socket, key: gateway.adminToken });
}, 30_000);
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await web?.child.kill9();
}, 20_000);

const status = () => admin.get<GatewayStatus>(paths.status);
async function until(holds: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> {
  for (const end = performance.now() + ms; ; await Bun.sleep(20)) {
    if (await holds()) return;
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${holds}`);
  }
}
const isReady = async () => (await status()).servers[0]?.state === "ready";

test("U27 sessions and subscriptions outlive a server that is killed and started again", async () => {
  await until(isReady);
  const token = await gateway.key("executor");
  const heard = { legacy: [] as string[], modern: [] as string[] };
  const legacy = await legacyAgent(gateway.url, token);
  legacy.fallbackNotificationHandler = async ({ method }) => void heard.legacy.push(method);
  const modern = await modernAgent(gateway.url, token);
  modern.fallbackNotificationHandler = async ({ method }) => void heard.modern.push(method);
  const listening = await modern.listen({ toolsListChanged: true, resourceSubscriptions: [uri] });
  await until(async () => (await status()).streams >= 2);
  await legacy.subscribeResource({ uri });
  const session = legacy.transport?.sessionId;
  const updated = "notifications/resources/updated";
  const count = (of: readonly string[], method: string) =>
    of.filter((one) => one === method).length;
  /** The server tells of its watched resources now and then, once it was told to in its session. */
  const updates = async () => {
    const [l, m] = [count(heard.legacy, updated), count(heard.modern, updated)];
    const on = await legacy.callTool({ name: "web__toggle-subscriber-updates", arguments: {} });
    expect(textOf(on)).toContain("Started");
    await until(() => count(heard.legacy, updated) > l && count(heard.modern, updated) > m);
  };
  await updates();
  for (let round = 0; round < 2; round += 1) {
    await web.child.kill9();
    web = await everythingHttp(Number(new URL(web.url).port));
    const began = performance.now();
    const echo = { name: "web__echo", arguments: { message: `round ${round}` } };
    // The same session, without a new initialize: a call makes the connection if nobody did yet.
    expect(textOf(await legacy.callTool(echo))).toContain(`round ${round}`);
    expect(textOf(await modern.callTool(echo))).toContain(`round ${round}`);
    process.stdout.write(`  answered after ${Math.round(performance.now() - began)} ms\n`);
    await updates();
  }
  expect(legacy.transport?.sessionId).toBe(session);
  const rest = (of: readonly string[]) => of.filter((method) => method !== updated);
  for (const of of [heard.legacy, heard.modern]) {
    expect(rest(of).filter((method) => !method.endsWith("/list_changed"))).toEqual([]);
    // Its tools are the same ones afterwards.
    expect(count(of, "notifications/tools/list_changed")).toBeLessThanOrEqual(1);
  }
  await listening.close();
  await modern.close();
  await legacy.close();
}, 90_000);
