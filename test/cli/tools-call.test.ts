/** tools call and tools why where a server fails: whose words are shown, and what is said of it. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { freePort } from "../kit/free-port.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";

/** Refuses one tool, tells of progress in another, and ends in the third. */
const script = `
const send = (message) => console.log(JSON.stringify({ jsonrpc: "2.0", ...message }));
const tool = (name) => ({ name, inputSchema: { type: "object" } });
const hello = { capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } };
for await (const line of console) {
  const { id, method, params } = JSON.parse(line);
  const name = params?.name;
  if (method === "initialize") {
    send({ id, result: { protocolVersion: params.protocolVersion, ...hello } });
  } else if (method === "tools/list") {
    const tools = [...["refuse", "count", "end"].map(tool), { name: "odd", inputSchema: 7 }];
    send({ id, result: { tools } });
  } else if (name === "refuse") {
    send({ id, error: { code: -32000, message: "the backend says no" } });
  } else if (name === "count") {
    const { progressToken } = params._meta;
    for (let progress = 1; progress <= 8; progress += 1) {
      await Bun.sleep(200);
      send({ method: "notifications/progress", params: { progressToken, progress } });
    }
    send({ id, result: { content: [{ type: "text", text: "counted" }] } });
  } else if (name === "end") process.exit(9);
  else if (id !== undefined) send({ id, error: { code: -32601, message: "no" } });
}`;

let gateway: TestGateway;
let key = "";

beforeAll(async () => {
  const tools = { end: { idempotent: true } };
  const command = [process.execPath, "-e", script];
  const s = { command, protocol: "legacy", timeout: "1s", tools };
  const config = { servers: { s, gone: { command: ["no-such-program"] } } };
  gateway = await startGateway({ program: "bun", policy: 'id: p\nallow: ["*"]\n', config });
  key = join(gateway.folder, "agent.key");
  writeFileSync(key, await gateway.key("executor", "agent"), { mode: 0o600 });
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await gateway.cli("tools", "list")).stdout.includes("s/end")) return;
  }
}, 40_000);
afterAll(() => gateway?.[Symbol.asyncDispose](), 20_000);

const callOf = (tool: string) => gateway.cli("tools", "call", tool, "--key-file", key);
const why = (tool: string) => gateway.cli("tools", "why", tool, "--as", "agent");

test("a server's own error is shown as that, without a code of the gateway's", async () => {
  const { code, stderr } = await callOf("s/refuse");
  expect(code).toBe(1);
  expect(stderr).toContain(
    "The server's own error, not the gateway's: -32000: the backend says no",
  );
  expect(stderr).not.toContain("GW_");
}, 20_000);

test("a tool that tells of progress is given the time it needs", async () => {
  const { code, stdout } = await callOf("s/count");
  expect([code, stdout.trim()]).toEqual([0, "counted"]);
}, 20_000);

test("a gateway that a reload could not move is called where it is", async () => {
  const text = readFileSync(gateway.config, "utf8");
  writeFileSync(gateway.config, text.replace(`:${gateway.port}"`, `:${await freePort()}"`));
  try {
    expect((await gateway.cli("reload")).stdout).toContain("restart of the gateway: listen");
    const { code, stdout, stderr } = await callOf("s/count");
    expect([code, stdout.trim()]).toEqual([0, "counted"]);
    expect(stderr).toContain(`→ gateway ${gateway.url}/mcp`);
  } finally {
    writeFileSync(gateway.config, text);
    await gateway.cli("reload");
  }
}, 20_000);

test("servers show says why tools are held back", async () => {
  const { stdout } = await gateway.cli("servers", "show", "s");
  expect(stdout).toContain("tools     3, 1 held back");
  expect(stdout).toContain("held back 1: it has no inputSchema object");
}, 20_000);

test("tools why says what the state of the server means for calls", async () => {
  const missing = await why("gone/x");
  const state = /Its server is in state (backoff|starting|crash-loop): .*servers show gone/;
  expect([missing.code, missing.stdout]).toEqual([1, expect.stringMatching(state)]);
  const well = await why("s/count");
  expect([well.code, well.stdout]).toEqual([0, expect.not.stringContaining("state")]);
  expect((await gateway.cli("servers", "disable", "gone")).code).toBe(0);
  // It is started 12 times a minute; then it is left alone, and its tools stay listed.
  const isLeft = /^s +stdio +crash-loop/m;
  let list = "";
  for (let calls = 0; calls < 40 && !isLeft.test(list); calls += 1) {
    await callOf("s/end");
    list = (await gateway.cli("servers", "list")).stdout;
  }
  expect(list).toMatch(isLeft);
  const down = await why("s/count");
  const text = /every call is allowed.*; now its server is in state .* authensor-gw servers show s/;
  expect([down.code, down.stdout]).toEqual([0, expect.stringMatching(text)]);
  const shown = (await gateway.cli("servers", "show", "s")).stdout;
  expect(shown).toMatch(/times in a row/);
  expect(shown).toContain("do        read its last words (below) and mend it");
  expect(shown.match(/calls of . tools fail/g)?.length).toBeLessThanOrEqual(2);
}, 60_000);
