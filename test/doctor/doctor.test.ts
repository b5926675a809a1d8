/** The parts of doctor that need no gateway: its command line, what history means, client files. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runCommandLine } from "../../src/cli/run.ts";
import { readClientFile } from "../../src/doctor/client-file.ts";
import { connectAll, reachedBy } from "../../src/doctor/connect.ts";
import { finding } from "../../src/doctor/finding.ts";
import { periodsOf, runsOf } from "../../src/doctor/periods.ts";
import { clockText, spanText } from "../../src/doctor/times.ts";
import type { HistoryEntry } from "../../src/gateway/history.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gw-doctor-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function cli(...argv: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const io = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    env: { HOME: folder, PATH: "/usr/bin:/bin" },
    cwd: folder,
    interactive: false,
  };
  const code = await runCommandLine(argv, io);
  return { code, out: out.join("\n"), err: err.join("\n") };
}

describe("the command line", () => {
  test("without any config it says so, as a finding", async () => {
    const { code, out } = await cli("doctor", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      findings: [
        { link: "gateway", code: "GW_CONFIG_MISSING", fix: expect.stringMatching(/init/) },
      ],
    });
  });

  test("O4 a token on the command line is refused, and not shown", async () => {
    const token = `agw_${"s".repeat(43)}`;
    const { code, out, err } = await cli("doctor", "--key", token);
    expect([code, out]).toEqual([3, ""]);
    expect(err).toContain("--key-file");
    expect(err).not.toContain(token);
  });

  const wrong: readonly (readonly [string[], RegExp])[] = [
    [["doctor", "--since", "soon"], /GW_USAGE.*soon[\s\S]*--since 30m/],
    [["doctor", "client"], /needs FILE/],
    [["doctor", "now"], /does not take "now"/],
    [["doctor", "--srever", "x"], /write --server/],
  ];
  for (const [argv, says] of wrong) {
    test(`exit 3: ${argv.join(" ")}`, async () => {
      const { code, err } = await cli(...argv);
      expect([code, err]).toEqual([3, expect.stringMatching(says)]);
    });
  }

  test("a client's file that is not there is a finding", async () => {
    const { code, out } = await cli("doctor", "client", "nothing.json");
    expect([code, out]).toEqual([1, expect.stringMatching(/GW_CLIENT_CONFIG[\s\S]*nothing\.json/)]);
  });
});

const state = (at: number, ok: boolean, id = "web"): HistoryEntry => {
  return { kind: "state", at, of: "server", id, state: ok ? "ready" : "backoff", ok, why: "why" };
};
const off = (at: number): HistoryEntry => ({
  ...{ kind: "state", at, of: "server", id: "web", state: "disabled", ok: true, why: "" },
});
const start = (at: number): HistoryEntry => ({ kind: "start", at, pid: at, version: "1" });
const stop = (at: number): HistoryEntry => ({ kind: "stop", at });

describe("what the history means", () => {
  const cases: readonly (readonly [string, HistoryEntry[], object[]])[] = [
    ["nothing is known", [], []],
    ["always well", [start(1), state(2, true)], []],
    ["away, and well", [state(1, false), state(5, true)], [{ from: 1, to: 5, healed: true }]],
    [
      "away until now",
      [state(1, true), state(5, false)],
      [{ from: 5, to: undefined, worked: true }],
    ],
    ["never well", [start(1), state(2, false)], [{ from: 2, to: undefined, worked: false }]],
    ["two causes are one time", [state(1, false), state(3, false)], [{ from: 1, to: undefined }]],
    ["away until the stop", [state(1, false), stop(4)], [{ from: 1, to: 4, healed: false }]],
    [
      "away when it was killed",
      [state(1, false), state(3, true, "other"), start(9)],
      [{ from: 1, to: 3, healed: false }],
    ],
    ["another server", [state(1, false, "other")], []],
    [
      "switched off while it was away: it did not come back, and was never seen to work",
      [state(1, false), off(5), state(7, false)],
      [
        { from: 1, to: 5, healed: false },
        { from: 7, to: undefined, worked: false },
      ],
    ],
  ];
  for (const [name, history, periods] of cases) {
    test(name, () => expect(periodsOf(history, "server", "web")).toMatchObject(periods));
  }

  test("runs: stopped, killed, running, and one whose start is too long ago", () => {
    const runs = runsOf([
      state(1, true),
      stop(2),
      start(3),
      stop(4),
      start(5),
      state(6, true),
      start(7),
    ]);
    expect(runs.map(({ from, to, stopped }) => [from, to, stopped])).toEqual([
      [1, 2, true],
      [3, 4, true],
      [5, 6, false],
      [7, 7, false],
    ]);
  });

  test("times", () => {
    const now = new Date(2026, 10, 24, 14, 2, 11).getTime();
    expect(clockText(now - 1_000, now)).toBe("14:02:10");
    expect(clockText(now - 86_400_000, now)).toBe("2026-11-23 14:02:11");
    expect([5_000, 600_000, 9_000_000, 2e8].map(spanText)).toEqual(["5 s", "10 min", "3 h", "2 d"]);
  });
});

describe("client files", () => {
  const url = "http://localhost:3100/mcp";
  const files: readonly (readonly [string, string, string, object])[] = [
    [".cursor/mcp.json", `{"mcpServers":{"gw":{"url":"${url}"}}}`, "Cursor", { url }],
    [
      ".vscode/mcp.json",
      `// a comment\n{"servers":{"gw":{"type":"http","url":"${url}",/* x */},}}`,
      "VS Code",
      { url, type: "http" },
    ],
    [
      "claude_desktop_config.json",
      '{"mcpServers":{"gw":{"command":"npx","args":["a//b"]}}}',
      "Claude Desktop",
      { command: ["npx", "a//b"] },
    ],
    [
      ".claude.json",
      `{"projects":{"/p":{"mcpServers":{"gw":{"url":"${url}"}}}}}`,
      "Claude Code",
      { url },
    ],
    ["windsurf.json", `{"mcpServers":{"gw":{"serverUrl":"${url}"}}}`, "another client", { url }],
  ];
  for (const [name, text, client, entry] of files) {
    test(name, () => {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      expect(readClientFile(path, "/p")).toMatchObject({
        client,
        entries: [{ name: "gw", ...entry }],
      });
    });
  }

  const old = url.replace("/mcp", "/sse");
  const types: readonly (readonly [string, object, RegExp | undefined])[] = [
    [".cursor/mcp.json", { url, type: "foo" }, /its "type" is "foo"[\s\S]*write "type": "http"/],
    ["other.json", { url, type: "stdio" }, /its "type" is "stdio"[\s\S]*write "type": "http"/],
    [".mcp.json", { url, type: "sse" }, /its "type" is "sse"[\s\S]*write "type": "http"/],
    [
      ".mcp.json",
      { command: "authensor-gw", args: ["stdio"], type: "http" },
      /starts a program, and its "type" is "http"[\s\S]*write "type": "stdio"/,
    ],
    [".cursor/mcp.json", { url }, undefined],
    [".mcp.json", { url: old, type: "sse" }, undefined],
    [".mcp.json", { url: old, type: "http" }, /names \/sse[\s\S]*write "url": "http\S+\/mcp" in/],
    ["cline.json", { url, type: "streamableHttp" }, undefined],
  ];
  for (const [name, entry, says] of types) {
    test(`the type that a client takes: ${name} ${JSON.stringify(entry)}`, async () => {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, JSON.stringify({ mcpServers: { gateway: entry } }));
      const { out } = await cli("doctor", "client", path);
      if (says === undefined) expect(out).not.toContain('"type"');
      else expect(out).toMatch(says);
    });
  }

  test("what is no JSON, and what has no servers, says so", () => {
    const path = join(folder, "bad.json");
    for (const [text, says] of [
      ["{", /JSON/],
      ["[]", /no JSON object/],
      ["{}", /mcpServers/],
    ] as const) {
      writeFileSync(path, text);
      expect(() => readClientFile(path, "/")).toThrow(says);
    }
  });

  test("a pipe that nobody writes into holds nothing up", () => {
    const pipe = join(folder, "pipe.json");
    spawnSync("mkfifo", [pipe]);
    expect(() => readClientFile(pipe, "/")).toThrow("no regular file");
  });
});

test("T1 foreign text in a finding is shown, not acted on", () => {
  const hostile = "\x1b]0;title\x07\x1b[2J\u202e\r\n";
  const parts = { saw: hostile, since: hostile, cause: hostile, effect: hostile, fix: hostile };
  const made = finding({ link: "server", code: "GW_SERVER_LIST", ...parts });
  for (const text of Object.values(made)) {
    for (const bad of ["\x1b", "\x07", "\u202e", "\r", "\n"]) expect(text).not.toContain(bad);
  }
});

test("O11 the agent's URL is shown without what may be secret in it", async () => {
  const file = join(folder, "secret.json");
  const url = "http://me:canary-pass@127.0.0.1:1/mcp?key=canary-query";
  writeFileSync(file, JSON.stringify({ mcpServers: { gateway: { url } } }));
  const { code, out, err } = await cli("doctor", "client", file);
  expect([code, out]).toEqual([1, expect.stringContaining("127.0.0.1:1 refused")]);
  expect(out + err).not.toContain("canary");
});

describe("stages", () => {
  test("open and refused addresses are told apart", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const reached = await connectAll(["127.0.0.1", "127.0.0.2"], port);
    server.close();
    expect(reached.map((one) => one.reached)).toEqual(["open", "refused"]);
  });

  test("each errno is one of the words", () => {
    const codes = ["ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ECONNRESET"];
    const words = ["refused", "silent", "no route", "no route", "closed"];
    expect(codes.map(reachedBy)).toEqual(words as ReturnType<typeof reachedBy>[]);
  });
});
