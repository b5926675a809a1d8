import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../../src/gateway/config-model.ts";
import { describeProblem } from "../../src/gateway/config-problem.ts";
import { type ConfigProblem, readConfig } from "../../src/gateway/config-read.ts";

const bad = join(import.meta.dir, "../cases/config/bad");

/** Reads a config that stands in a folder of its own, beside the given files. */
function read(
  text: string,
  env: Record<string, string> = {},
  files: Record<string, { text: string; mode: number }> = {},
): { config: Config | undefined; problems: readonly ConfigProblem[]; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "config-"));
  try {
    mkdirSync(join(folder, "credentials"));
    writeFileSync(join(folder, "authensor-gw.yaml"), text);
    for (const [name, file] of Object.entries(files)) {
      writeFileSync(join(folder, name), file.text);
      chmodSync(join(folder, name), file.mode);
    }
    const found = readConfig({ env: { HOME: "/home/me", ...env }, cwd: folder });
    if (found.ok) return { config: found.value, problems: [], folder };
    return { config: undefined, problems: found.error, folder };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("bad configs", () => {
  // Each file begins with what it must bring: # CODE LINE WORDS
  const names = readdirSync(bad).sort();
  test("O3 are at least 30", () => expect(names.length).toBeGreaterThanOrEqual(30));
  for (const name of names) {
    test(`O3 ${name}`, () => {
      const text = readFileSync(join(bad, name), "utf8");
      const wanted = text.split("\n").filter((line) => line.startsWith("# GW_"));
      const found = readConfig({ path: join(bad, name), env: {}, cwd: "/" });
      const problems = found.ok ? [] : found.error;
      expect(problems.length).toBe(wanted.length);
      for (const [index, line] of wanted.entries()) {
        const [, code, at, ...words] = line.split(" ");
        const problem = problems[index];
        expect([problem?.code as string, problem?.line]).toEqual([code, Number(at)]);
        expect(problem?.message).toContain(words.join(" "));
        expect(describeProblem(problem!)).toContain("\nTry: ");
        expect(describeProblem(problem!)).not.toContain("hunter2");
      }
    });
  }
});

describe("readConfig", () => {
  test("an empty file is a gateway with defaults", () => {
    const { config } = read("# nothing\n");
    expect(config).toMatchObject({
      listen: { host: "localhost", port: 3100 },
      dataDir: "/home/me/.local/state/authensor-gw",
      database: { kind: "sqlite" },
      auth: "keys",
      policy: [],
      naming: "prefix",
      audit: { mode: "strict", spoolBytesMax: 10 * 1024 ** 3 },
      limits: { bodyBytes: 4 * 1024 ** 2, jsonDepth: 64 },
      servers: [],
      notes: [],
    });
  });

  test("F5 listens on loopback where nothing else is said, and wider with cover", () => {
    expect(read("").config?.listen?.host).toBe("localhost");
    expect(read("listen: 0.0.0.0:1\nbehind_proxy: true").config?.listen?.host).toBe("0.0.0.0");
    expect(read("auth: none").config?.notes.join()).toContain("anonymous");
  });

  test("an mcpServers file pastes verbatim, also as JSON", () => {
    const { config } = read(
      `{
  "mcpServers": {
    "GitHub Server": {
      "command": "npx",
      "args": ["-y", "@scope/server", "--port", "1.10"],
      "env": { "TOKEN": "\${TOKEN}" },
      "autoApprove": ["x"], "alwaysAllow": [], "disabled": true
    },
    "remote": { "type": "http", "url": "https://x.example/mcp", "headers": { "A": "b" } }
  }
}`,
      { TOKEN: "t" },
    );
    expect(config?.servers).toMatchObject([
      {
        id: "github-server",
        enabled: false,
        transport: {
          kind: "stdio",
          command: ["npx", "-y", "@scope/server", "--port", "1.10"],
          env: { TOKEN: "t" },
        },
      },
      { id: "remote", transport: { kind: "http", url: "https://x.example/mcp" } },
    ]);
    expect(config?.notes.length).toBe(3);
  });

  test("a port alone is one of localhost, as the words for a wrong one say", () => {
    const { config } = read("listen: 3199\nadmin: { listen: 3198 }\n");
    expect(config?.listen).toEqual({ host: "localhost", port: 3199 });
    expect(config?.admin.listen).toEqual({ host: "localhost", port: 3198 });
    const { problems } = read("listen: 319900\nadmin: { listen: x }\n");
    for (const { message } of problems) expect(message).toContain("a port of localhost");
    expect(problems).toHaveLength(2);
  });

  test("U5 arguments reach a program as they are written", () => {
    const { config } = read(
      'servers: { a: { command: [run, "$(id)", "a b", "; rm", 8080, true] } }',
    );
    expect(config?.servers[0]?.transport).toMatchObject({
      command: ["run", "$(id)", "a b", "; rm", "8080", "true"],
    });
  });

  test("timeouts: a tool's own, then the server's, then the default", () => {
    const { config } = read(`servers:
  a:
    command: x
    timeout: 90s
    tools:
      slow: { timeout: { max: 30m } }
      plain: {}
  b: { command: x, timeout: 20m }`);
    const [a, b] = config?.servers ?? [];
    expect(a?.timeout).toEqual({ idleMs: 90_000, maxMs: 600_000, setting: "servers.a.timeout" });
    expect(a?.tools["slow"]?.timeout).toEqual({
      idleMs: 90_000,
      maxMs: 1_800_000,
      setting: "servers.a.tools.slow.timeout",
    });
    expect(a?.tools["plain"]?.timeout.setting).toBe("servers.a.timeout");
    expect(b?.timeout).toMatchObject({ idleMs: 1_200_000, maxMs: 1_200_000 });
  });

  test.each([
    ['{ command: "npx -y x" }', '["npx", "-y", "x"]'],
    ['{ command: "sh -c id" }', '["sh", "-c", "id"]'],
    ['{ command: ["x", "a\\0b"] }', "NUL"],
    ['{ command: [""] }', "names no program"],
    ["{ command: x, env: { AUTHENSOR_GW_OWNER: mine } }", "the gateway's own"],
  ])("U5 a command that is not one program and its arguments is refused: %s", (text, told) => {
    const { problems } = read(`servers: { a: ${text} }`);
    expect(problems.map(describeProblem).join("\n")).toContain(told);
  });

  test("U5 a program with a space in its path is one word when there are args", () => {
    const { config } = read('servers: { a: { command: "/opt/my server", args: [] } }');
    expect(config?.servers[0]?.transport).toMatchObject({ command: ["/opt/my server"] });
  });

  test("expands variables, defaults, files and credentials once (U7)", () => {
    const { config } = read(
      `servers:
  a:
    url: https://x.example/
    headers:
      env: "\${A}"
      alias: "\${env:A}"
      fallback: "\${B:-none}"
      empty: "\${EMPTY:-none}"
      file: "\${file:secret.txt}"
      cred: "Bearer \${cred:github}"
      plain: "$\${A} $A"
log: { level: "\${LEVEL}", access: "\${ACCESS}" }
database: { url: "\${URL}", pool: "\${POOL}" }`,
      {
        A: "${C}",
        EMPTY: "",
        LEVEL: "warn",
        ACCESS: "true",
        POOL: "4",
        URL: "postgres://u:p@localhost/db",
      },
      {
        "secret.txt": { text: "from-file\n", mode: 0o644 },
        "credentials/github": { text: "from-cred\n", mode: 0o600 },
      },
    );
    expect(config?.servers[0]?.transport).toMatchObject({
      headers: {
        env: "${C}",
        alias: "${C}",
        fallback: "none",
        empty: "none",
        file: "from-file",
        cred: "Bearer from-cred",
        plain: "${A} $A",
      },
    });
    expect(config?.log).toEqual({ level: "warn", access: true, format: "auto" });
    expect(config?.database).toMatchObject({ kind: "postgres", pool: 4 });
  });

  test("O4 a credential that others can read is refused, systemd's own folder is trusted", () => {
    const text = 'database: "${cred:db}"';
    const open = read(text, {}, { "credentials/db": { text: "postgres://h/x", mode: 0o644 } });
    expect(open.problems.map((problem) => problem.code)).toContain("GW_SECRET_MODE");
    const folder = mkdtempSync(join(tmpdir(), "cred-"));
    writeFileSync(join(folder, "db"), "postgres://h/x");
    const systemd = read(text, { CREDENTIALS_DIRECTORY: folder });
    rmSync(folder, { recursive: true });
    expect(systemd.config?.database).toMatchObject({ url: "postgres://h/x" });
  });

  test("O4 a TLS key that others can read is refused", () => {
    const files = { "c.pem": { text: "c", mode: 0o644 }, "k.pem": { text: "k", mode: 0o644 } };
    const { problems } = read("tls: { cert: c.pem, key: k.pem }", {}, files);
    expect(problems.map((problem) => problem.code)).toEqual(["GW_SECRET_MODE"]);
    const good = { ...files, "k.pem": { text: "k", mode: 0o600 } };
    expect(read("tls: { cert: c.pem, key: k.pem }", {}, good).config?.tls).toEqual({
      cert: "c",
      key: "k",
    });
  });

  test("no message holds an expanded value", () => {
    const secret = "s3cr3t";
    const text = `listen: "\${S}"
naming: "\${S}"
database: "\${S}"
hosts: ["\${S}:1"]
servers:
  a: { url: "\${S}", headers: { H: "\${S}\\n" }, timeout: "\${S}" }
  b: { command: "\${S} \${S}" }`;
    const { problems } = read(text, { S: secret });
    expect(problems.length).toBeGreaterThanOrEqual(8);
    expect(problems.map(describeProblem).join("\n")).not.toContain(secret);
  });

  test("is found in --config, the variable, the folder, XDG_CONFIG_HOME, in this order", () => {
    const folder = mkdtempSync(join(tmpdir(), "find-"));
    const put = (name: string) => {
      mkdirSync(join(folder, name, "authensor-gw"), { recursive: true });
      const file = join(folder, name, "authensor-gw.yaml");
      writeFileSync(file, "");
      return file;
    };
    const here = put("here");
    const named = put("named");
    writeFileSync(join(folder, "here/authensor-gw/authensor-gw.yaml"), "");
    const env = { XDG_CONFIG_HOME: join(folder, "here") };
    const found = (options: Parameters<typeof readConfig>[0]) => {
      const result = readConfig(options);
      return result.ok ? result.value.file : result.error[0]?.code;
    };
    const variable = { ...env, AUTHENSOR_GW_CONFIG: named };
    expect(found({ path: here, env: variable, cwd: "/" })).toBe(here);
    expect(found({ env: variable, cwd: join(folder, "here") })).toBe(named);
    expect(found({ env, cwd: join(folder, "here") })).toBe(here);
    expect(found({ env, cwd: "/" })).toBe(join(folder, "here/authensor-gw/authensor-gw.yaml"));
    expect(found({ env: { XDG_CONFIG_HOME: "/none" }, cwd: "/" })).toBe("GW_CONFIG_MISSING");
    expect(found({ path: "/none.yaml", env, cwd: "/" })).toBe("GW_CONFIG_MISSING");
    rmSync(folder, { recursive: true });
  });

  test("the admin socket is short, and the same for every name of one data_dir", () => {
    const run = { XDG_RUNTIME_DIR: "/run/user/7" };
    const { config } = read("data_dir: data", run);
    expect(config?.admin.socket).toMatch(/^\/run\/user\/7\/authensor-gw\/[0-9a-f]{8}\.sock$/);
    const long = read("data_dir: data", { XDG_RUNTIME_DIR: `/run/${"x".repeat(100)}` });
    expect(long.config?.admin.socket.length).toBeLessThan(100);
    expect(read("data_dir: /a/../tmp", run).config?.admin.socket).toBe(
      read("data_dir: /tmp", run).config?.admin.socket ?? "",
    );
  });
});
