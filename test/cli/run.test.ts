import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { startChild } from "../kit/child.ts";
import { programCommand } from "../kit/gateway.ts";
import { commandLines } from "./kit.ts";

const { home, gw, writeIn } = commandLines();

describe("without a config", () => {
  test("no command names the client configs and the two ways to begin, exit 78", async () => {
    const cwd = join(home, "welcome");
    mkdirSync(join(cwd, ".cursor"), { recursive: true });
    writeFileSync(join(cwd, ".cursor/mcp.json"), '{"mcpServers":{"a":{"command":"x"}}}');
    const found = await gw("welcome");
    expect(found.code).toBe(78);
    expect(found.out).toContain("Cursor");
    expect(found.out).toContain("authensor-gw demo");
    expect(found.out).toContain("authensor-gw init --from");
  });

  test("commands that need one say where they looked", async () => {
    const found = await gw("none", "status");
    expect(found.code).toBe(78);
    expect(found.err).toContain("GW_CONFIG_MISSING");
    expect(found.err).toContain("authensor-gw init");
  });

  test("--tui without a terminal says what to use, exit 2; --version and help answer", async () => {
    const screen = await gw("none", "--tui");
    expect([screen.code, screen.err]).toEqual([2, expect.stringContaining("receipts tail")]);
    expect(await gw("none", "keys", "list", "--tui")).toMatchObject({ code: 3 });
    expect((await gw("none", "--version")).out).toStartWith("authensor-gw 0.");
    expect((await gw("none", "help")).out).toContain("keys create");
    const help = await gw("none", "keys", "create", "--help");
    expect([help.code, help.out.includes("--role executor --name my-agent")]).toEqual([0, true]);
    expect(JSON.parse((await gw("none", "version", "--json")).out)).toHaveProperty("version");
  });

  test("help of a word that several commands begin with lists these, side by side", async () => {
    const names = (text: string) =>
      [...text.matchAll(/^ {2}(receipts \w+) /gm)].map(([, name]) => name);
    const family = ["receipts list", "receipts show", "receipts verify", "receipts tail"];
    for (const words of [
      ["help", "receipts"],
      ["receipts", "--help"],
      ["receipts", "-h"],
    ]) {
      const { code, out } = await gw("none", ...words);
      expect([code, names(out)]).toEqual([0, family]);
      expect(out).not.toContain("keys create");
    }
    const all = (await gw("none", "help")).out;
    expect(all).toMatch(/receipts verify .*\n {2}receipts tail /);
    expect(await gw("none", "help", "receits")).toMatchObject({ code: 3 });
    expect(await gw("none", "receipts")).toMatchObject({ code: 3 });
  });
});

describe("init", () => {
  test("writes config, policy and the first admin key, and never overwrites", async () => {
    const first = await gw("init", "init", "--template", "allow-all-audited");
    expect([first.code, first.err]).toEqual([0, ""]);
    expect(first.out).toContain("put your servers into");
    const key = join(first.cwd, "cfg/authensor-gw/admin.key");
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(statSync(join(first.cwd, "state/authensor-gw")).mode & 0o777).toBe(0o700);
    const config = join(first.cwd, "authensor-gw.yaml");
    const text = readFileSync(config, "utf8");
    // Port 3100 may be somebody's.
    writeFileSync(config, text.replace("localhost:3100", "localhost:0"));
    expect(await gw("init", "check")).toMatchObject({ code: 0, err: "" });
    const plain = text.replace("localhost:3100", "localhost:0").replace(/^# (?=servers| )/gm, "");
    writeFileSync(config, plain.replace(/ "Bearer .*?"/, " x"));
    expect((await gw("init", "check")).out).toContain("2 servers,");
    writeFileSync(config, "naming: bare\n");
    const token = readFileSync(key, "utf8");
    const second = await gw("init", "init");
    expect(second.out).toContain(`kept  ${config}`);
    expect([readFileSync(config, "utf8"), readFileSync(key, "utf8")]).toEqual([
      "naming: bare\n",
      token,
    ]);
    expect(existsSync(join(first.cwd, "policies/read-only.yaml"))).toBe(false);
  });

  test("an admin.key of another store is moved away, never taken for this one's", async () => {
    const cwd = join(home, "foreign");
    const key = join(cwd, "cfg/authensor-gw/admin.key");
    mkdirSync(join(cwd, "cfg/authensor-gw"), { recursive: true });
    writeFileSync(key, "agw_foreign\n", { mode: 0o600 });
    const first = await gw("foreign", "init");
    expect([first.code, first.out]).toEqual([0, expect.stringContaining(`moved ${key} to`)]);
    expect(readFileSync(`${key}.old`, "utf8")).toBe("agw_foreign\n");
    expect(readFileSync(key, "utf8")).toStartWith("agw_");
    expect((await gw("foreign", "init")).out).toContain(`kept  ${key}`);
    writeFileSync(key, "agw_foreign\n", { mode: 0o600 });
    const third = await gw("foreign", "init");
    expect([third.code, third.out]).toEqual([0, expect.stringContaining('admin key "admin"')]);
    expect(readFileSync(key, "utf8")).toBe("agw_foreign\n");
  });

  test("an admin.key of another data_dir is said, with which data_dir this is", async () => {
    writeIn("moved", "authensor-gw.yaml", "data_dir: old\nadmin: { socket: a.sock }\n");
    const made = await gw("moved", "keys", "create", "--role", "admin", "--name", "a");
    const key = writeIn("moved", "cfg/authensor-gw/admin.key", made.out);
    chmodSync(key, 0o600);
    const config = "data_dir: new\nlisten: localhost:0\nadmin: { socket: a.sock }\n";
    const cwd = dirname(writeIn("moved", "authensor-gw.yaml", config));
    const gateway = startChild([...(await programCommand("bun")), "serve"], { cwd });
    await gateway.says(/gateway is up/);
    const first = await gw("moved", "keys", "create", "--role", "admin", "--name", "b");
    expect([first.code, first.out]).toEqual([0, expect.stringMatching(/^agw_/)]);
    const refused = await gw("moved", "keys", "create", "--role", "viewer", "--name", "v");
    await gateway.stop();
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringContaining(`The key of ${key} is not one of data_dir "${join(cwd, "new")}"`),
    ]);
    expect(refused.err).toContain("set `data_dir` and `database` back");
  }, 20_000);

  test("a key of this store that is no admin's stays in its file; the new one is shown", async () => {
    writeIn("lesser", "authensor-gw.yaml", "listen: localhost:0\n");
    const made = await gw("lesser", "keys", "create", "--role", "executor", "--name", "a");
    const key = writeIn("lesser", "cfg/authensor-gw/admin.key", `${made.out}\n`);
    chmodSync(key, 0o600);
    const found = await gw("lesser", "init");
    expect([found.code, found.out]).toEqual([0, expect.stringMatching(/^agw_/m)]);
    expect(readFileSync(key, "utf8")).toBe(`${made.out}\n`);
  });

  test("a template that is none is told with those that are", async () => {
    expect((await gw("from", "init", "--template", "x")).err).toContain("read-only");
  });
});

describe("check", () => {
  test("O3 prints every problem with its place, exit 78", async () => {
    const cwd = join(home, "bad");
    mkdirSync(cwd, { recursive: true });
    writeFileSync(join(cwd, "authensor-gw.yaml"), 'naming: x\ndatabase: "${DB}"\n');
    const found = await gw("bad", "check");
    expect(found.code).toBe(78);
    expect(found.out).toContain("authensor-gw.yaml:1:9 GW_CONFIG");
    expect(found.out).toContain('authensor-gw.yaml:2:11 GW_VARIABLE: The variable "DB"');
    const json = JSON.parse((await gw("bad", "check", "--json")).out);
    expect(json.ok).toBe(false);
    expect(json.problems.map((problem: { line: number }) => problem.line)).toEqual([1, 2]);
    const served = await gw("bad", "serve");
    expect([served.code, served.err.includes(":2:11 GW_VARIABLE")]).toEqual([78, true]);
    expect((await gw("bad", "config", "show")).code).toBe(78);
  });
});

describe("check of local servers", () => {
  const config = `listen: localhost:0
policy: p.yaml
servers:
  Gone: { command: nosuchprog, args: [x] }
  folder: { command: sh, env: { PATH: /bin }, cwd: nowhere }
  script: { command: ./server.sh }
  text: { command: [./notes.txt] }
  there: { command: sh, env: { PATH: /bin } }
  off: { command: nosuchprog, disabled: true }
`;

  test("what is not there is named with place and fix, and stops no start", async () => {
    writeIn("programs", "p.yaml", "id: p\nallow: [there/*]\n");
    chmodSync(writeIn("programs", "server.sh", "#!/bin/sh\n"), 0o755);
    chmodSync(writeIn("programs", "notes.txt", "buy milk\n"), 0o755);
    writeIn("programs", "authensor-gw.yaml", config);
    const { code, out } = await gw("programs", "check");
    expect(code).toBe(0);
    const lines = out.replaceAll(join(home, "programs"), "DIR").split("\n");
    expect(lines).toEqual([
      'warning: DIR/authensor-gw.yaml:4:20 GW_SERVER_COMMAND: The server "gone" cannot be started: "nosuchprog" is not there on the PATH (ENOENT)',
      "Try: install nosuchprog or write its whole path, or correct servers.gone.command",
      'warning: DIR/authensor-gw.yaml:5:52 GW_SERVER_COMMAND: The server "folder" cannot be started: its cwd "DIR/nowhere" is not there (ENOENT)',
      "Try: make the folder DIR/nowhere, or correct servers.folder.cwd",
      'warning: DIR/authensor-gw.yaml:7:11 GW_SERVER_COMMAND: The server "text" cannot be started: "DIR/notes.txt" is no program: it is text without a #! line (ENOEXEC)',
      "Try: begin DIR/notes.txt with a #! line, or correct servers.text.command",
      "Well: DIR/authensor-gw.yaml, 5 servers (3 cannot be started), 1 rule",
    ]);
    const json = JSON.parse((await gw("programs", "check", "--json")).out);
    expect(json.ok).toBe(true);
    expect(json.warnings.map(({ key, line }: Place) => [key, line])).toEqual([
      ["servers.gone.command", 4],
      ["servers.folder.cwd", 5],
      ["servers.text.command", 7],
    ]);
  });
});

interface Place {
  readonly key: string;
  readonly line: number;
}

describe("check of a config with several mistakes", () => {
  const servers = `servers:
  slow: { command: "true", timeout: soon }
  typo: { command: nodde }
  away: { command: "true", cwd: /nope }
  both: { command: nodde, url: "https://a.example/mcp" }
  secret: { command: "\${NOT_HERE}" }
  My App: { command: "true", autoApprove: [x] }
`;

  test("all come at once, each with its place; warnings and notes too", async () => {
    writeIn("many", "authensor-gw.yaml", `listen: localhost:0\npolicy: none.yaml\n${servers}`);
    const { code, out, err, cwd } = await gw("many", "check");
    expect(code).toBe(78);
    const file = join(cwd, "authensor-gw.yaml");
    expect(out.split("\n").filter((line) => !line.startsWith("Try: "))).toEqual([
      expect.stringContaining(`${file}:4:37 GW_CONFIG: "servers.slow.timeout" must be`),
      expect.stringContaining(`${file}:7:3 GW_CONFIG: "servers.both" has a command and a url`),
      expect.stringContaining(`${file}:8:22 GW_VARIABLE: The variable "NOT_HERE"`),
      expect.stringContaining("GW_POLICY: Cannot read policy"),
      expect.stringContaining(`warning: ${file}:5:20 GW_SERVER_COMMAND: The server "typo"`),
      expect.stringContaining(`warning: ${file}:6:33 GW_SERVER_COMMAND: The server "away"`),
    ]);
    expect(err.split("\n")).toEqual([
      `${file}:9 the server "My App" is called "my-app" here`,
      `${file}:9 "autoApprove" of "my-app" is ignored: the policy decides`,
    ]);
  });

  test("nothing is tried with a default in the place of what is wrong", async () => {
    const config = "listen: here\ndata_dir: [a]\ndatabase: 5\npolicy: { a: b }\n";
    writeIn("defaults", "authensor-gw.yaml", config);
    writeIn("defaults", "state/authensor-gw", "no folder: the default data_dir is unusable");
    const { out } = await gw("defaults", "check", "--json");
    const { problems } = JSON.parse(out);
    expect(problems.map(({ line }: { line?: number }) => line ?? 0)).toEqual([1, 2, 3, 4]);
  });
});

describe("secrets that only the service has", () => {
  const servers = `servers:
  local: { command: npx, args: ["\${SECRET_A}"], env: { TOKEN: "\${SECRET_A}" } }
  remote: { url: "\${SECRET_B}", headers: { Authorization: "Bearer \${cred:none}" } }
`;

  test("commands that read do not need those of servers; check and serve do", async () => {
    writeIn("secrets", "p.yaml", "id: p\nallow: [local/*]\n");
    writeIn("secrets", "authensor-gw.yaml", `listen: localhost:0\npolicy: p.yaml\n${servers}`);
    expect(await gw("secrets", "keys", "list")).toMatchObject({ code: 0 });
    expect(await gw("secrets", "receipts", "list")).toMatchObject({ code: 0 });
    // Nothing is there yet; it was looked for.
    expect(await gw("secrets", "receipts", "verify")).toMatchObject({ code: 2 });
    expect(await gw("secrets", "policy", "explain", "--tool", "local/x")).toMatchObject({
      code: 0,
      err: "No gateway runs: the given arguments are taken as declared",
    });
    expect(await gw("secrets", "status")).toMatchObject({ code: 69 });
    for (const command of ["check", "serve"]) {
      const { code, out, err } = await gw("secrets", command);
      expect([code, `${out}${err}`.split("GW_VARIABLE").length - 1]).toEqual([78, 4]);
    }
  });

  test("that of the database is needed only where no gateway answers", async () => {
    const config = 'listen: localhost:0\ndatabase: { url: "${DB}", pool: 5 }\n';
    writeIn("db", "authensor-gw.yaml", config);
    expect(await gw("db", "status")).toMatchObject({ code: 69 });
    for (const argv of [
      ["keys", "list"],
      ["receipts", "list"],
      ["receipts", "verify"],
      ["keys", "create", "--role", "admin", "--name", "a"],
      ["init"],
    ]) {
      const { code, err } = await gw("db", ...argv);
      expect([argv, code, err]).toEqual([argv, 78, expect.stringContaining("GW_VARIABLE")]);
    }
    expect(existsSync(join(home, "db/state"))).toBe(false);
  });
});

describe("policy", () => {
  test("check names file, line and column, exit 1; explain exits by the decision", async () => {
    await gw("policy", "init", "--template", "read-only");
    const well = await gw("policy", "policy", "check");
    expect([well.code, well.out]).toEqual([0, expect.stringContaining(" in 1 file, ")]);
    writeFileSync(join(home, "policy/p.yaml"), "id: a\nalow: []\n");
    const bad = await gw("policy", "policy", "check", "p.yaml");
    expect([bad.code, bad.out]).toEqual([1, expect.stringMatching(/p\.yaml:2:1 GW_\w+ /)]);
    writeFileSync(join(home, "policy/p.yaml"), 'id: a\nallow: ["elsewhere/*", "files/{a,b}"]\n');
    const vain = await gw("policy", "policy", "check", "p.yaml");
    // Which servers there are is said by a config, and none names this file.
    expect([vain.code, vain.err]).toEqual([0, expect.stringMatching(/^\S+p\.yaml:2 .*braces/)]);
    const told = await gw("policy", "policy", "check", "p.yaml", "--json");
    expect(JSON.parse(told.out)).toMatchObject({ ok: true, notes: [expect.any(String)] });
    const policy = JSON.parse((await gw("policy", "policy", "check", "--json")).out).files[0];
    const before = readFileSync(policy, "utf8");
    writeFileSync(policy, 'id: a\nallow: ["elsewhere/*"]\n');
    const unknown = await gw("policy", "policy", "check");
    expect([unknown.code, unknown.err]).toEqual([0, expect.stringContaining("named elsewhere")]);
    writeFileSync(policy, before);
    writeFileSync(join(home, "policy/p.yaml"), 'id: no\ndeny: ["*/*"]\n');
    const nothing = await gw("policy", "policy", "check", "p.yaml");
    expect(nothing.out).toEndWith("\nIts rules allow nothing: every call is denied.");
    const explain = (...more: string[]) => gw("policy", "policy", "explain", ...more);
    expect((await explain("--tool", "files/read_x", "--args", '{"a":1}')).code).toBe(0);
    expect((await explain("--tool", "files/write_x")).code).toBe(1);
    const only = 'id: a\nrules: [{ id: r, effect: allow, tools: ["*"], who: { keys: [me] } }]\n';
    writeFileSync(join(home, "policy/p.yaml"), only);
    expect((await explain("p.yaml", "--tool", "a/b", "--key", "me")).code).toBe(0);
    expect((await explain("p.yaml", "--tool", "a/b", "--as", "me")).code).toBe(0);
    expect((await explain("p.yaml", "--tool", "a/b", "--as", "other")).code).toBe(1);
    expect((await explain("--tool", "files__read_x")).err).toContain("did you mean files/read_x?");
    expect((await explain("--tool", "files/x", "--args", "{")).code).toBe(3);
    expect((await explain()).code).toBe(3);
    const role = await explain("--tool", "files/read_x", "--role", "bogus");
    expect([role.code, role.err]).toEqual([3, expect.stringContaining("roles are admin")]);
    const json = await explain("--tool", "files/read_x", "--json");
    expect(JSON.parse(json.out).decision.effect).toBe("allow");
  });
});

test("policy check says of every mistake what to do; check of a config does too", async () => {
  const folder = join(import.meta.dir, "../cases/policy/bad");
  for (const name of readdirSync(folder)) {
    const { code, out } = await gw("bad-policy", "policy", "check", join(folder, name));
    const lines = out.split("\n");
    expect([name, code, lines.filter((line) => line.startsWith("Try: ")).length]).toEqual([
      ...[name, 1],
      lines.length / 2,
    ]);
  }
  writeIn("bad-policy", "p.yaml", "allow: []\n");
  writeIn("bad-policy", "authensor-gw.yaml", "listen: localhost:0\npolicy: p.yaml\n");
  const { code, out } = await gw("bad-policy", "check");
  expect([code, out]).toEqual([78, expect.stringContaining("policy: 1 problem:\n  /")]);
  writeIn("bad-policy", "p.yaml", 'deny: ["*"]\n');
  expect((await gw("bad-policy", "check")).out).toEndWith(
    "\nIts rules allow nothing: every call is denied.",
  );
});

describe("receipts without a gateway", () => {
  test("nothing was recorded: empty lists, and that verifies", async () => {
    await gw("empty", "init");
    expect((await gw("empty", "receipts", "list")).out).toBe("No receipts.");
    expect(await gw("empty", "receipts", "list", "--json")).toMatchObject({ code: 0, out: "" });
    expect((await gw("empty", "receipts", "verify")).code).toBe(0);
    expect((await gw("empty", "receipts", "show", "r-000000000000-1")).err).toContain("GW_RECEIPT");
    expect((await gw("empty", "receipts", "verify", "--dir", "cfg")).code).toBe(3);
    expect((await gw("empty", "receipts", "list", "--limit", "0")).code).toBe(3);
    const list = (...more: string[]) => gw("empty", "receipts", "list", ...more);
    for (const [argv, told] of [
      [["--outcome", "denyed"], "did you mean denied?"],
      [["--outcome", "bogus-word"], "one of ok, tool_error"],
      [["--tool", "files__x"], "did you mean files/x?"],
    ] as const) {
      expect(await list(...argv)).toMatchObject({ code: 3, err: expect.stringContaining(told) });
    }
    expect((await list("--outcome", "denied", "--tool", "files/x")).code).toBe(0);
    expect((await list("--tool", "x")).code).toBe(0);
  });
});

test("completion prints a script for each shell", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const found = await gw("none", "completion", shell);
    expect([found.code, found.out.includes("receipts")]).toEqual([0, true]);
  }
  expect((await gw("none", "completion", "tcsh")).code).toBe(3);
});

test("a gateway that is not there is exit 69", async () => {
  await gw("away", "init");
  for (const argv of [["status"], ["tools", "list"], ["tools", "why", "a/b", "--key", "x"]]) {
    expect(await gw("away", ...argv)).toMatchObject({ code: 69 });
  }
});
