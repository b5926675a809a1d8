/** A reload whose servers do not come up: what it says, and what is said of them meanwhile. */

import { afterEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminClient } from "../../src/admin/client.ts";
import { type GatewayStatus, type LiveSnapshot, paths } from "../../src/admin/contract.ts";
import type { ReloadReport } from "../../src/admin/contract-reload.ts";
import { freePort } from "../kit/free-port.ts";
import { startGateway } from "../kit/gateway.ts";
import { echo } from "../kit/servers.ts";

type Servers = Record<string, object>;
const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

async function world(servers: Servers) {
  const policy = 'id: p\nallow: ["*"]\n';
  const gateway = await startGateway({ program: "bun", policy, config: { servers } });
  open.push(gateway);
  const client = adminClient({
    socket: join(gateway.folder, "admin.sock"),
    key: gateway.adminToken,
  });
  const live = async (id: string) => {
    const { servers } = await client.get<LiveSnapshot>(paths.snapshot);
    return servers.find((one) => one.id === id);
  };
  for (const id of Object.keys(servers)) await until(async () => (await live(id))?.state);
  return {
    ...{ gateway, live },
    status: () => client.get<GatewayStatus>(paths.status),
    reload: () => client.post<ReloadReport>(paths.reload, {}),
    /** The config is JSON, which is YAML too. */
    write(servers: Servers) {
      const config = JSON.parse(readFileSync(gateway.config, "utf8"));
      writeFileSync(gateway.config, JSON.stringify({ ...config, servers }));
    },
  };
}

async function until(holds: () => unknown, ms = 10_000): Promise<void> {
  for (const end = performance.now() + ms; !(await holds()); await Bun.sleep(10)) {
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${holds}`);
  }
}

/** Takes what comes and says nothing. */
const silent = { command: process.execPath, args: ["-e", "setInterval(() => {}, 1000)"] };

test("a server that fails while a reload waits for others asks for no reload", async () => {
  const { gateway, write, reload, live } = await world({ a: echo() });
  const url = `http://127.0.0.1:${await freePort()}/mcp`;
  write({ a: echo(), dead: { url }, slow: silent });
  const done = reload();
  await until(async () => (await live("dead"))?.trouble);
  const { trouble, history = [] } = (await live("dead")) ?? {};
  expect(trouble?.fix).toContain("start the server");
  const said = [trouble?.fix, ...history.map(({ fix }) => fix), gateway.stderr()].join("\n");
  expect(said).toContain("correct the port in servers.dead.url");
  expect(said).not.toContain("the config was changed since it was read");
  await done;
}, 40_000);
