import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { adminClient } from "../../src/admin/client.ts";
import { runCommandLine } from "../../src/cli/run.ts";
import { programCommand, startGateway, type TestGateway } from "../kit/gateway.ts";

let gateway: TestGateway;
let agentFile = "";

beforeAll(async () => {
  const command = [...(await programCommand("bun")), "notes-server"];
  gateway = await startGateway({
    program: "bun",
    config: { servers: { notes: { command } } },
    policy: "id: t\nallow: [notes/read_note, notes/write_note]\ndeny: [notes/delete_note]\n",
  });
  agentFile = join(gateway.folder, "agent.key");
  writeFileSync(agentFile, await gateway.key("executor", "agent"), { mode: 0o600 });
  // Tools are there when the server has started.
  for (let tries = 0; tries < 100; tries++) {
    if ((await gateway.cli("tools", "list", "--json")).stdout !== "") return;
  }
}, 30_000);
afterAll(async () => await gateway[Symbol.asyncDispose]());

async function lines(...argv: string[]): Promise<Record<string, unknown>[]> {
  const found = await gateway.cli(...argv, "--json");
  return found.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

describe("with a running gateway", () => {
  test("status says what runs, and where it was asked", async () => {
    const found = await gateway.cli("status");
    expect(found.stdout).toContain("notes");
    expect(found.stderr).toContain("→ gateway");
    const [status] = await lines("status");
    expect(status).toMatchObject({ pid: gateway.child().process.pid });
  });

  test("an admin key is needed once there is one", async () => {
    const socket = join(gateway.folder, "admin.sock");
    const make = (key?: string) =>
      adminClient({ socket, key }).post("/v1/keys", { name: "x", roles: ["admin"] });
    await expect(make()).rejects.toMatchObject({ code: "GW_KEY_MISSING" });
    await expect(make("agw_wrong")).rejects.toMatchObject({ code: "GW_KEY_UNKNOWN" });
    await expect(adminClient({ socket: `${socket}.no` }).get("/v1/status")).rejects.toMatchObject({
      code: "GW_NOT_RUNNING",
    });
    const refused = await gateway.cli("keys", "revoke", "agent", "--key-file", agentFile);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("GW_ROLE")]);
  });

  test("many requests at once all get their own answer", async () => {
    const socket = join(gateway.folder, "admin.sock");
    for (let round = 0; round < 5; round++) {
      const asked = Array.from({ length: 6 }, (_, at) =>
        adminClient({ socket }).get<unknown>(at % 2 === 0 ? "/v1/status" : "/v1/keys"),
      );
      const answers = await Promise.all(asked);
      expect(answers.map((answer) => Array.isArray(answer))).toEqual([
        false,
        true,
        false,
        true,
        false,
        true,
      ]);
    }
  });

  test("tools list takes --as for --key, as tools why takes both", async () => {
    const key = await gateway.cli("tools", "list", "--key", "agent");
    const as = await gateway.cli("tools", "list", "--as", "agent");
    expect([as.code, as.stdout]).toEqual([0, key.stdout]);
  });

  test("tools list and why answer for a key", async () => {
    const tools = await lines("tools", "list", "--key", "agent");
    expect(tools.find((tool) => tool["tool"] === "notes/read_note")?.["visible"]).toBe("allow");
    expect((await gateway.cli("tools", "why", "notes/read_note", "--key", "agent")).code).toBe(0);
    const why = async (tool: string) => {
      const found = await gateway.cli("tools", "why", tool, "--as", "agent");
      return [found.code, found.stdout] as const;
    };
    const allow = 'every call is allowed, by rule "allow:notes/read_note" (';
    expect(await why("notes/read_note")).toEqual([0, expect.stringContaining(allow)]);
    const deny = 'The rule "deny:notes/delete_note" (';
    expect(await why("notes/delete_note")).toEqual([1, expect.stringContaining(deny)]);
    const none = expect.stringContaining("No rule of the policy allows it");
    expect(await why("notes/flaky")).toEqual([1, none]);
    expect((await gateway.cli("tools", "why", "notes/flaky")).stderr).toContain("--as KEY");
  });

  test("explain goes by the arguments that the tool declares", async () => {
    const explain = (args: string) =>
      gateway.cli(
        ...["policy", "explain", "--tool", "notes/read_note", "--key", "agent", "--args", args],
      );
    expect((await explain('{"title":"a"}')).code).toBe(0);
    const undeclared = await explain('{"title":"a","sneaky":1}');
    expect([undeclared.code, undeclared.stdout]).toEqual([
      1,
      expect.stringContaining("GW_NO_RULE"),
    ]);
    await gateway.stop();
    const alone = await explain('{"title":"a","sneaky":1}');
    await gateway.restart();
    expect([alone.code, alone.stderr]).toEqual([0, expect.stringContaining("No gateway runs")]);
  });

  test("check says that the port is its own gateway's", async () => {
    const found = await gateway.cli("check");
    const pid = gateway.child().process.pid;
    expect([found.code, found.stderr]).toEqual([0, expect.stringContaining(`(process ${pid})`)]);
  });

  test("a name that nothing has is answered with the nearest one and the next step", async () => {
    const misspelt = await gateway.cli("tools", "call", "note/raed_note", "--key-file", agentFile);
    expect(misspelt.stderr).toContain("Try: did you mean notes/read_note? `authensor-gw tools why");
    const names: readonly [string[], string][] = [
      [["tools", "why", "notes/raed_note", "--as", "agent"], "did you mean notes/read_note?"],
      [["tools", "why", "notes/read_note", "--as", "agnt"], "did you mean agent?"],
      [["servers", "show", "ntoes"], "did you mean notes?"],
      [["servers", "restart", "ntoes"], "did you mean notes?"],
      [["keys", "revoke", "agnt"], "did you mean agent?"],
      [["keys", "rotate", "agnt"], "did you mean agent?"],
      [["log-level", "debug", "--key", "agnt"], "did you mean agent?"],
      [["receipts", "show", "r-0123456789ab-1"], "`authensor-gw receipts list --config /"],
      [["receipts", "show", "c-1042"], "that is the id of a call"],
      [["receipts", "show", "x"], "ids of receipts are like r-740443970bfd-5"],
    ];
    for (const [words, way] of names) {
      const found = await gateway.cli(...words);
      expect([words.join(" "), found.code === 0, found.stderr + found.stdout]).toEqual([
        words.join(" "),
        false,
        expect.stringContaining(way),
      ]);
    }
  }, 30_000);

  test("tools call goes through the front door; its receipts are listed, shown and verified", async () => {
    const call = (tool: string, args: string) =>
      gateway.cli("tools", "call", tool, "--args", args, "--key-file", agentFile);
    const written = await call("notes/write_note", '{"title":"n1","body":"hello"}');
    expect([written.code, written.stderr]).toEqual([0, expect.stringContaining("→ gateway http")]);
    const denied = await call("notes/delete_note", '{"title":"n1"}');
    expect(denied.code).toBe(1);

    const wrong = join(gateway.folder, "wrong.key");
    writeFileSync(wrong, `agw_${"x".repeat(43)}`, { mode: 0o600 });
    const unknown = await gateway.cli("tools", "call", "notes/flaky", "--key-file", wrong);
    expect([unknown.code, unknown.stderr.split("\n")[1]]).toEqual([
      1,
      "GW_KEY_UNKNOWN: No key has this token: the token came from --key-file",
    ]);
    const told: string[] = [];
    const say = (line: string) => told.push(line);
    const env = { HOME: gateway.folder };
    const io = { out: say, err: say, env, cwd: gateway.folder, interactive: false };
    const read = ["tools", "call", "notes/read_note", "--args", '{"title":"n1"}'];
    expect(await runCommandLine(read, io)).toBe(1);
    expect(told.join("\n")).toContain("carries no API key: no key was named");
    const local = join(gateway.folder, ".config/authensor-gw/local.key");
    mkdirSync(dirname(local), { recursive: true });
    writeFileSync(local, readFileSync(agentFile, "utf8"), { mode: 0o600 });
    expect([await runCommandLine(read, io), told.at(-1)]).toEqual([0, "hello"]);
    const made = ["keys", "create", "--role", "viewer", "--name", "v", "--key-file", wrong];
    const foreign = (await gateway.cli(...made)).stderr;
    expect(foreign).toContain("GW_KEY_UNKNOWN: The key of --key-file is not one of data_dir");
    expect(foreign).toContain("authensor-gw keys create --role admin");
    const absent = await gateway.cli("tools", "call", "notes/none", "--key-file", agentFile);
    expect(absent.stderr).toContain('GW_TOOL_UNKNOWN: Unknown tool "notes__none"');
    expect(absent.stderr).toContain("Try: `authensor-gw tools why notes/none --as NAME --config");

    const explain = ["policy", "explain", "--tool", "notes/delete_not", "--key", "agnt"];
    const noKey = await gateway.cli(...explain);
    expect([noKey.code, noKey.stderr]).toEqual([3, expect.stringContaining('mean "agent"?')]);
    const { stderr: noted } = await gateway.cli(...explain.with(-1, "agent"));
    expect(noted).toContain('no tool "notes/delete_not" now (did you mean "notes/delete_note"?)');

    const receipts = await lines("receipts", "list", "--limit", "5");
    expect(receipts.map((row) => [row["tool"], row["outcome"]])).toContainEqual([
      "notes/write_note",
      "ok",
    ]);
    const outcomes = (await lines("receipts", "list", "--outcome", "denied")).map(
      (row) => row["outcome"],
    );
    expect(new Set(outcomes)).toEqual(new Set(["denied"]));
    const id = String(receipts.find((row) => row["outcome"] === "ok")?.["id"]);
    const shown = await gateway.cli("receipts", "show", id);
    expect(shown.stdout).toContain("outcome, seq");
    expect(shown.stdout).toMatch(/^ {2}time +\d{4}-\S+Z\n/m);
    expect(shown.stdout).toMatch(/^ {2}took +\d\S* ms, server \d\S* ms\n/m);
    expect(shown.stdout).not.toMatch(/ \n/);
    expect((await gateway.cli("receipts", "show", "r-000000000000-9")).code).toBe(1);

    const live = await gateway.cli("receipts", "verify");
    expect([live.code, live.stderr]).toEqual([0, expect.stringContaining("read directly")]);
  });

  test("a reload that fails is one line of the log, and the old policy stays", async () => {
    const path = join(gateway.folder, "policy.yaml");
    const good = readFileSync(path, "utf8");
    writeFileSync(path, `${good}alow: []\n`);
    const before = gateway.stderr();
    gateway.child().process.kill("SIGHUP");
    for (let tries = 0; tries < 200 && gateway.stderr() === before; tries++) await Bun.sleep(10);
    writeFileSync(path, good);
    const [line = "", ...more] = gateway.stderr().slice(before.length).trim().split("\n");
    expect(more).toEqual([]);
    expect(JSON.parse(line)).toMatchObject({
      level: "error",
      message: expect.stringContaining("what was in force stays"),
      code: "GW_POLICY",
      at: `${path}:4`,
    });
    expect((await gateway.cli("status")).code).toBe(0);
  });

  test("a copy of data_dir verifies, and without the gateway the store answers", async () => {
    await gateway.stop();
    const copy = join(gateway.folder, "copy");
    cpSync(join(gateway.folder, "data"), copy, { recursive: true });
    expect((await gateway.cli("receipts", "verify", "--dir", "copy")).code).toBe(0);
    const found = await gateway.cli("receipts", "list", "--json");
    expect(found.stderr).toContain("not running");
    expect(found.stdout).toContain('"tool":"notes/write_note"');
  });
});
