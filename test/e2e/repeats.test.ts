/** U27 a call whose outcome nobody knows, repeated by its agent: before and after a restart. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { legacyAgent, textOf } from "../kit/clients.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";

const script = join(import.meta.dirname, "../kit/servers/stubborn.ts");
let folder: string;
let gateway: TestGateway;
let token: string;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "gw-repeat-")));
  const server = (name: string, more: object = {}) => {
    writeFileSync(join(folder, name), "");
    const command = [process.execPath, script, join(folder, name), "stdio"];
    return { command, protocol: "legacy", ...more };
  };
  gateway = await startGateway({
    policy: 'id: p\nrules: [{ id: r, effect: allow, tools: ["*/*"], other_args: any }]\n',
    config: {
      servers: {
        io: server("io"),
        twice: server("twice", { tools: { die: { idempotent: true } } }),
      },
    },
  });
  token = await gateway.key("executor", "agent");
}, 30_000);
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}, 20_000);

async function call(name: string, args: object = {}): Promise<string> {
  const agent = await legacyAgent(gateway.url, token);
  try {
    return textOf(await agent.callTool({ name, arguments: { ...args } }));
  } finally {
    await agent.close();
  }
}

/** Until the server took a call, whatever became of it: it starts anew each time. */
async function taken(name: string, args: object = {}): Promise<string> {
  for (const end = performance.now() + 15_000; ; await Bun.sleep(50)) {
    const text = await call(name, args);
    if (!text.includes("GW_UPSTREAM_DOWN")) return text;
    if (performance.now() > end) throw new Error(`it does not come back: ${text}`);
  }
}

test("it is refused once with the receipt, which says unknown, and then made", async () => {
  const first = await taken("io__die");
  expect(first).toContain("GW_UPSTREAM_LOST");
  const receipt = /Receipt: (\S+)\./.exec(first)?.[1] ?? "";
  const again = await call("io__die");
  expect(again).toContain("GW_MAY_HAVE_RUN");
  expect(again).toContain(receipt);
  expect(again).toContain("Try: check whether it ran");
  const shown = await gateway.cli("receipts", "show", receipt);
  expect(shown.stdout).toContain("unknown");
  expect(await taken("io__die")).toContain("GW_UPSTREAM_LOST");
}, 30_000);

test("a tool that the config marks as idempotent is called again at once", async () => {
  for (let count = 0; count < 2; count += 1) {
    expect(await taken("twice__die")).toContain("GW_UPSTREAM_LOST");
  }
}, 30_000);

for (const end of ["kill9", "stop"] as const) {
  test(`${end} of the gateway: the next one still knows`, async () => {
    expect(await taken("io__die", { end })).toContain("GW_UPSTREAM_LOST");
    await gateway[end]();
    await gateway.restart();
    expect(await call("io__die", { end })).toContain("GW_MAY_HAVE_RUN");
    expect(await taken("io__die", { end })).toContain("GW_UPSTREAM_LOST");
  }, 30_000);
}

test("kill -9 of the gateway in the middle of a call: the call may have run", async () => {
  const agent = await legacyAgent(gateway.url, token);
  const cut = agent.callTool({ name: "io__wait", arguments: {} }).catch(() => undefined);
  await Bun.sleep(500);
  await gateway.kill9();
  await cut;
  await agent.close().catch(() => undefined);
  await gateway.restart();
  const again = await call("io__wait");
  expect(again).toContain("GW_MAY_HAVE_RUN");
  expect(again).toMatch(/its receipt, r-[0-9a-f]{12}-\d+, cannot say whether it did/);
}, 30_000);
