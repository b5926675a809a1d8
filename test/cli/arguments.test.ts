/** --args: what `policy explain` says of arguments, and what comes of them in `tools call`. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { startGateway, type TestGateway } from "../kit/gateway.ts";

/** Says what it was given, as it was written. */
const script = `
const send = (message) => console.log(JSON.stringify({ jsonrpc: "2.0", ...message }));
const hello = { capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } };
const inputSchema = { type: "object", properties: { m: {}, n: {}, t: {} } };
for await (const line of console) {
  const { id, method, params } = JSON.parse(line);
  if (method === "initialize") {
    send({ id, result: { protocolVersion: params.protocolVersion, ...hello } });
  } else if (method === "tools/list") {
    send({ id, result: { tools: ["any", "few"].map((name) => ({ name, inputSchema })) } });
  } else if (method === "tools/call") {
    const text = line.length > 1000 ? String(line.length) : line;
    send({ id, result: { content: [{ type: "text", text }] } });
  } else if (id !== undefined) send({ id, error: { code: -32601, message: "no" } });
}`;

const policy = `id: p
allow: [s/any]
rules:
  - id: few
    effect: allow
    tools: [s/few]
    when: { "args.m?": { gte: 1 }, "args.n?": { lte: 100000000000000 } }
  - id: ops
    effect: deny
    tools: [s/any]
    who: { roles: [operator] }
`;

let gateway: TestGateway;
let key = "";

beforeAll(async () => {
  const s = { command: [process.execPath, "-e", script], protocol: "legacy" };
  gateway = await startGateway({ program: "bun", policy, config: { servers: { s } } });
  key = join(gateway.folder, "agent.key");
  writeFileSync(key, await gateway.key("executor", "agent"), { mode: 0o600 });
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await gateway.cli("tools", "list")).stdout.includes("s/few")) return;
  }
}, 40_000);
afterAll(() => gateway?.[Symbol.asyncDispose](), 20_000);

const call = (tool: string, args: string) =>
  gateway.cli("tools", "call", tool, "--args", args, "--key-file", key);
const explain = (...more: string[]) => gateway.cli("policy", "explain", ...more);
const explained = (args: string) => explain("--tool", "s/few", "--key", "agent", "--args", args);

test("explain says of each spelling what the gateway does with it", async () => {
  const cases: readonly [args: string, code: string | undefined][] = [
    ['{"m":1,"n":1.0e2}', undefined],
    ['{"m":12345678901234567890}', "GW_NO_RULE"],
    ['{"n":1.00000000000000000001}', "GW_NO_RULE"],
    ['{"m":1,"m":2}', "GW_JSON"],
    ['{"m":1,"__proto__":{}}', "GW_JSON"],
    ['{"t":"\\ud800"}', "GW_JSON"],
    ['{"m":1e400}', "GW_JSON"],
    [`{"t":${"[".repeat(61)}${"]".repeat(61)}}`, undefined],
    [`{"t":${"[".repeat(62)}${"]".repeat(62)}}`, "GW_JSON_LIMIT"],
  ];
  for (const [args, code] of cases) {
    const said = await explained(args);
    const done = await call("s/few", args);
    expect([args, said.code, done.code]).toEqual([args, ...(code ? [1, 1] : [0, 0])]);
    if (code === undefined) continue;
    expect(said.stdout + said.stderr).toContain(code);
    const own = done.stdout + done.stderr;
    expect(own.match(/\bGW_\w+/)?.[0]).toBe(code);
    expect(own).not.toMatch(/(GW_\w+): \1/);
  }
  const rounded = await explained('{"m":12345678901234567890}');
  expect(rounded.stdout).toContain("args.m? gte: unknown, a number in args is beyond exact");
}, 60_000);

test("tools call sends what was given byte for byte", async () => {
  const args = '{ "n": 1.50, "m":12345678901234567890,\n"t":"\\u0041\\/$&" }';
  const { code, stdout } = await call("s/any", args);
  expect([code, stdout]).toEqual([0, expect.stringContaining(args.split("\n")[1] ?? "")]);
  expect(stdout).toContain('"arguments":{ "n": 1.50, "m":12345678901234567890,');
}, 20_000);

test("--args @FILE takes what no command line holds", async () => {
  const file = join(gateway.folder, "long.json");
  writeFileSync(file, `{"t":"${"x".repeat(300_000)}"}\n`);
  const made = await call("s/any", "@long.json");
  expect([made.code, Number(made.stdout) > 300_000]).toEqual([0, true]);
  expect((await explain("--tool", "s/any", "--args", `@${file}`)).code).toBe(0);
  writeFileSync(file, `{"t":"${"x".repeat(4 * 1024 * 1024)}"}`);
  const over = await explain("--tool", "s/any", "--args", "@long.json");
  expect([over.code, over.stderr]).toEqual([1, expect.stringContaining("GW_BODY_TOO_LARGE")]);
  const missing = await call("s/any", "@nowhere.json");
  const told = "GW_USAGE: Cannot read the file of --args @nowhere.json: ENOENT\nTry: name a file";
  expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining(told)]);
  writeFileSync(file, "{");
  const bad = await call("s/any", "@long.json");
  expect([bad.code, bad.stderr]).toEqual([3, expect.stringContaining("@long.json is not JSON")]);
}, 30_000);

test("--args @- takes stdin", async () => {
  const main = join(import.meta.dir, "../../src/main.ts");
  const words = ["tools", "call", "s/any", "--args", "@-", "--key-file", key];
  const child = Bun.spawn([process.execPath, main, ...words, "--config", gateway.config], {
    stdin: new Blob(['{"t":"from stdin"}']),
    stderr: "ignore",
  });
  expect(await new Response(child.stdout).text()).toContain('"arguments":{"t":"from stdin"}');
  expect(await child.exited).toBe(0);
}, 20_000);

test("explain refuses a key and a server that are not there, unless a policy is named", async () => {
  const key = await explain("--tool", "s/any", "--key", "agnt");
  const noKey = 'GW_NAME: The gateway has no key "agnt" now (did you mean "agent"?)';
  expect([key.code, key.stdout, key.stderr]).toEqual([3, "", expect.stringContaining(noKey)]);
  const server = await explain("--tool", "z/any", "--key", "agent");
  expect([server.code, server.stderr]).toEqual([3, expect.stringContaining('no server "z"')]);
  const file = join(gateway.folder, "policy.yaml");
  const draft = await explain(file, "--tool", "s/any", "--key", "agnt");
  expect([draft.code, draft.stderr]).toEqual([0, expect.stringContaining('no key "agnt" now')]);
  const tool = await explain("--tool", "s/ayn", "--key", "agent");
  expect([tool.code, tool.stderr]).toEqual([1, expect.stringContaining('mean "s/any"?')]);
}, 20_000);

test("explain goes by the roles of the key that is named, unless others are", async () => {
  const made = await gateway.cli("keys", "create", "--name", "both", ...roles("operator"));
  expect(made.code).toBe(0);
  const of = (...more: string[]) => explain("--tool", "s/any", ...more);
  expect((await of("--key", "both")).stdout).toContain("deny GW_DENIED: rule ops");
  expect((await of("--key", "both", ...roles("viewer"))).code).toBe(0);
  expect((await of("--key", "agent")).code).toBe(0);
}, 20_000);

function roles(other: string): readonly string[] {
  return ["--role", "executor", "--role", other];
}
