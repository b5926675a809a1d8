/** `authensor-gw stdio`, as desktop clients start it: the compiled binary and real SDK clients. */

import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Client as ModernClient } from "@modelcontextprotocol/client";
import { StdioClientTransport as ModernStdio } from "@modelcontextprotocol/client/stdio";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { readOwner } from "../../src/gateway/owner.ts";
import { binaryPath, root } from "../kit/binary.ts";
import { startChild } from "../kit/child.ts";

let binary = "";
let home = "";
const folders: string[] = [];
beforeAll(async () => {
  binary = await binaryPath();
}, 120_000);
afterEach(async () => {
  for (const folder of folders.splice(0)) {
    for (const data of dataDirs(folder)) await endOwner(data);
    rmSync(folder, { recursive: true, force: true });
  }
});

const memory = join(root, "node_modules/@modelcontextprotocol/server-memory/dist/index.js");
const wrap = ["--policy", "allow-all-audited", "--", "node", memory];
const info = { name: "desktop", version: "1" };

function freshHome(): Record<string, string> {
  home = mkdtempSync(join(tmpdir(), "gw-stdio-"));
  folders.push(home);
  return { PATH: process.env["PATH"] ?? "", HOME: home, XDG_RUNTIME_DIR: join(home, "run") };
}

function dataDirs(folder: string): string[] {
  const own = join(folder, ".local/state/authensor-gw/stdio");
  const found = [join(folder, "data")];
  try {
    return [...found, ...readdirSync(own).map((id) => join(own, id, "data"))];
  } catch {
    return found;
  }
}

async function endOwner(data: string, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  const pid = readOwner(data)?.pid;
  if (pid === undefined || !lives(pid)) return;
  process.kill(pid, signal);
  for (let tries = 0; tries < 200 && lives(pid); tries++) await Bun.sleep(50);
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // Of a child of ours that nobody waited for, only its name is left; its sockets are open until
    // the last of its threads is gone.
    if (readdirSync(`/proc/${pid}/task`).length > 1) return true;
    return !readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ");
  } catch {
    return false;
  }
}

async function connected(args: readonly string[], env: Record<string, string>): Promise<Client> {
  const client = new Client(info);
  const command = { command: binary, args: ["stdio", ...args], env, cwd: home } as const;
  await client.connect(new StdioClientTransport({ ...command, args: [...command.args] }));
  return client;
}

/** One process fed by hand: what it wrote, line by line. */
async function raw(args: readonly string[], env: Record<string, string>, lines: readonly string[]) {
  const child = spawn(binary, ["stdio", ...args], { env, cwd: home });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  for (const line of lines) child.stdin.write(`${line}\n`);
  for (let tries = 0; tries < 400 && out.split("\n").length <= lines.length; tries++) {
    await Bun.sleep(25);
  }
  child.stdin.end();
  const code = await new Promise<number | null>((resolve) => child.on("exit", resolve));
  return { code, err, lines: out.split("\n").filter((line) => line !== "") };
}

describe("stdio with a command: one server behind a gateway of its own", () => {
  test("a v1 client lists, calls and is denied; names are the server's own", async () => {
    const client = await connected(["--policy", "read-only", "--", "node", memory], freshHome());
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toContain("read_graph");
    expect(tools.map((tool) => tool.name)).not.toContain("delete_entities");
    const read = await client.callTool({ name: "read_graph", arguments: {} });
    expect(read.isError).toBeFalsy();
    const denied = await client.callTool({
      name: "delete_entities",
      arguments: { entityNames: [] },
    });
    expect(JSON.stringify(denied)).toContain("GW_");
    await client.close();
  }, 30_000);

  test("a client of 2026-07-28 reaches the same legacy server", async () => {
    const env = freshHome();
    const client = new ModernClient(info, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
    await client.connect(new ModernStdio({ command: binary, args: ["stdio", ...wrap], env }));
    const answer = await client.callTool({ name: "read_graph", arguments: {} });
    expect(answer.isError).toBeFalsy();
    await client.close();
  }, 30_000);

  test("five clients at once: one gateway, and its server is started once", async () => {
    const env = freshHome();
    const clients = await Promise.all(Array.from({ length: 5 }, () => connected(wrap, env)));
    const results = await Promise.all(
      clients.map((client) => client.callTool({ name: "read_graph", arguments: {} })),
    );
    expect(results.map(({ isError }) => isError ?? false)).toEqual(Array(5).fill(false));
    const [data = ""] = dataDirs(home).slice(1);
    expect(dataDirs(home)).toHaveLength(2);
    const log = readFileSync(join(data, "gateway.log"), "utf8");
    expect(log.split("gateway is up")).toHaveLength(2);
    expect(log.split('"state":"starting"')).toHaveLength(2);
    await Promise.all(clients.map((client) => client.close()));
  }, 60_000);

  test("the gateway killed between two calls is started again; the client does not notice", async () => {
    const env = freshHome();
    const client = await connected(wrap, env);
    await client.callTool({ name: "read_graph", arguments: {} });
    const [data = ""] = dataDirs(home).slice(1);
    await endOwner(data, "SIGKILL");
    const again = await client.callTool({ name: "read_graph", arguments: {} });
    expect(again.isError).toBeFalsy();
    await client.close();
  }, 30_000);

  test("nothing but MCP on stdout, whatever comes in; each request has one answer", async () => {
    const hello = {
      ...{ jsonrpc: "2.0", id: "a", method: "initialize" },
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: info },
    };
    const odd = ["no JSON", "[]", '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}'];
    const { code, lines } = await raw(wrap, freshHome(), [
      JSON.stringify(hello),
      ...odd,
      '{"jsonrpc":"2.0","id":7,"method":"no/such"}',
    ]);
    expect(code).toBe(0);
    const messages = lines.map((line) => JSON.parse(line) as { jsonrpc: string; id?: unknown });
    expect(messages.every(({ jsonrpc }) => jsonrpc === "2.0")).toBe(true);
    expect(messages.filter(({ id }) => id === "a")).toHaveLength(1);
    expect(messages.filter(({ id }) => id === 7)).toHaveLength(1);
  }, 30_000);

  test("a file that is piped in is answered line by line, and that is the end", async () => {
    const env = freshHome();
    const client = spawn(binary, ["stdio", ...wrap], { env, cwd: home });
    let out = "";
    client.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString("utf8");
    });
    const ended = new Promise((resolve) => client.on("close", resolve));
    const hello = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: info };
    const lines = [
      { id: 1, method: "initialize", params: hello },
      { method: "notifications/initialized" },
      { id: 2, method: "tools/list" },
      { id: 3, method: "ping" },
    ];
    client.stdin.end(
      lines.map((line) => `${JSON.stringify({ jsonrpc: "2.0", ...line })}\n`).join(""),
    );
    expect(await ended).toBe(0);
    const answers = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(answers[0]).toMatchObject({ id: 1, result: { protocolVersion: "2025-06-18" } });
    expect(answers.map(({ id }) => id).sort()).toEqual([1, 2, 3]);
    expect(answers.every((answer) => "result" in answer)).toBe(true);
  }, 30_000);

  test("a call taken back is not answered, a line over the limit is told so", async () => {
    const step = (id: number, method: string, params: object) =>
      JSON.stringify({ jsonrpc: "2.0", id, method, params });
    const client = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: info };
    const server = ["--", process.execPath, join(root, "test/kit/servers/everything.ts"), "stdio"];
    const slow = { name: "test_tool_with_progress", arguments: {} };
    const child = spawn(binary, ["stdio", "--policy", "allow-all-audited", ...server], {
      ...{ env: freshHome(), cwd: home },
    });
    let out = "";
    child.stdout.on("data", (chunk) => (out += chunk));
    const says = async (text: string) => {
      for (let tries = 0; tries < 400 && !out.includes(text); tries++) await Bun.sleep(25);
      expect(out).toContain(text);
    };
    child.stdin.write(`${step(0, "initialize", client)}\n`);
    await says('"id":0');
    child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
    const cancel = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}';
    child.stdin.write(`${step(1, "tools/call", slow)}\n${cancel}\n`);
    const large = { name: "x", arguments: { x: "A".repeat(5 * 1024 * 1024) } };
    child.stdin.write(`${step(2, "tools/call", large)}\n`);
    await says("GW_BODY_TOO_LARGE");
    child.stdin.write(`${step(3, "tools/call", { name: "test_simple_text", arguments: {} })}\n`);
    await says("simple text response");
    expect(out).not.toContain('"id":1,');
    child.stdin.end();
    await new Promise((resolve) => child.on("exit", resolve));
  }, 30_000);

  test("what looks like a variable of the gateway is a word or a path like any other", async () => {
    const env = { ...freshHome(), SECRET: "s3cr3t" };
    const folder = join(home, "${SECRET}");
    mkdirSync(folder);
    const policy = join(folder, 'policy: "x".yaml');
    writeFileSync(policy, 'id: p\nallow: ["*"]\n');
    const seen = join(home, "args.txt");
    const script = join(home, "server.sh");
    writeFileSync(script, `#!/bin/sh\nprintf '%s\\n' "$@" > ${seen}\nexec node ${memory}\n`);
    chmodSync(script, 0o755);
    const words = ["${SECRET}", "$${SECRET}", "a: b # c", "\u0085\u2028\u007f", "]\nservers: {}\n"];
    const client = await connected(["--policy", policy, "--", script, ...words], env);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("read_graph");
    await client.close();
    expect(readFileOr(seen)).toBe(words.map((word) => `${word}\n`).join(""));
  }, 30_000);

  test("only variables that are named reach the command, and no key is in its environment", async () => {
    const env = { ...freshHome(), SECRET_ONE: "s3cr3t-1", SECRET_TWO: "s3cr3t-2" };
    const file = join(home, "env.txt");
    const script = join(home, "server.sh");
    writeFileSync(script, `#!/bin/sh\nenv > ${file}\nexec node ${memory}\n`, { mode: 0o755 });
    const args = ["--policy", "deny-all", "--env", "SECRET_ONE", "--", script];
    const client = await connected(args, { ...env });
    for (let tries = 0; tries < 100 && !readFileOr(file).includes("PATH="); tries++) {
      await Bun.sleep(50);
    }
    const seen = readFileOr(file);
    expect(seen).toContain("SECRET_ONE=s3cr3t-1");
    expect(seen).not.toContain("s3cr3t-2");
    expect(seen).not.toContain("agw_");
    await client.close();
    for (const [folder] of dataDirs(home)
      .slice(1)
      .map((data) => [join(data, "..")])) {
      expect(readFileOr(join(folder ?? "", "authensor-gw.yaml"))).not.toContain("s3cr3t");
      expect(statSync(join(folder ?? "", "local.key")).mode & 0o777).toBe(0o600);
    }
  }, 30_000);
});

describe("stdio with a config", () => {
  test("init makes the key; without one the client is told so on stderr, exit 1", async () => {
    const env = freshHome();
    const init = startChild([binary, "init", "--config", join(home, "gw.yaml")], {
      cwd: home,
      env,
    });
    await init.ended;
    const key = join(home, ".config/authensor-gw/local.key");
    expect(statSync(key).mode & 0o777).toBe(0o600);
    const config = readFileSync(join(home, "gw.yaml"), "utf8");
    const text = config.replace("localhost:3100", "none");
    writeFileSync(join(home, "gw.yaml"), `${text}data_dir: data\n`);
    const made = startChild([binary, "init", "--config", join(home, "gw.yaml")], {
      cwd: home,
      env,
    });
    await made.ended;
    rmSync(key);
    const { code, err, lines } = await raw(["--config", join(home, "gw.yaml")], env, []);
    expect([code, lines]).toEqual([1, []]);
    expect(err).toContain("GW_KEY_MISSING");
  }, 30_000);

  test("a command that is not there is said on stderr, not by a list without tools", async () => {
    const args = ["--policy", "read-only", "--", "no-such-program-1"];
    const { code, err, lines } = await raw(args, freshHome(), []);
    expect([code, lines]).toEqual([1, []]);
    expect(err).toContain('GW_SERVER_COMMAND: Cannot start the server "no-such-program-1"');
    expect(err).toContain("on the PATH");
  }, 30_000);

  const usage: readonly (readonly [name: string, args: readonly string[], says: string])[] = [
    ["a command without a policy", ["--", "node", memory], "--policy"],
    ["a policy without a command", ["--policy", "read-only"], "command after --"],
    ["a policy that is nowhere", ["--policy", "nope", "--", "node"], 'policy "nope"'],
    [
      "a variable that is not set",
      [...["--policy", "deny-all", "--env", "NOPE"], "--", "x"],
      "not set",
    ],
    ["a config beside a command", ["--config", "x", ...wrap], "not both"],
  ];
  for (const [name, args, says] of usage) {
    test(`${name} is a usage error`, async () => {
      const { code, err, lines } = await raw(args, freshHome(), []);
      expect([code, lines]).toEqual([3, []]);
      expect(err).toContain(says);
    });
  }

  test("serve --idle-exit ends when nobody uses it, exit 0", async () => {
    const env = freshHome();
    const file = join(home, "gw.yaml");
    writeFileSync(file, "listen: none\ndata_dir: data\n");
    const args = ["serve", "--config", file, "--idle-exit", "1s"];
    const child = startChild([binary, ...args], { cwd: home, env });
    await child.says(/gateway is up/);
    expect(await child.ended).toBe(0);
  }, 30_000);
});

function readFileOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

test("R7 a client that reads nothing is not read from either", async () => {
  const env = { ...freshHome(), GW: binary };
  // `sleep` never reads what it is given.
  const pipeline = `"$GW" stdio ${wrap.map((word) => `'${word}'`).join(" ")} | sleep 30`;
  const child = spawn("sh", ["-c", pipeline], { env, cwd: home, detached: true });
  child.stdin.on("error", () => undefined);
  const line = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"${"x".repeat(100_000)}"}\n`;
  let taken = 0;
  for (let sent = 1; sent <= 800; sent++) {
    child.stdin.write(line(sent), () => taken++);
    await Bun.sleep(8);
  }
  process.kill(-(child.pid ?? 0), "SIGKILL");
  // As many as have their answers in the pipe, which is about 270.
  expect(taken).toBeLessThan(500);
}, 30_000);
