import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkStart } from "../../src/gateway/config-check.ts";
import { readConfig } from "../../src/gateway/config-read.ts";
import { ownDataDir } from "../../src/gateway/owner.ts";
import { startChild } from "../kit/child.ts";

async function checked(config: string, files: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "check-"));
  // Any free port, if the test does not care.
  const listen = config.includes("listen:") ? "" : "\nlisten: localhost:0\n";
  writeFileSync(join(folder, "authensor-gw.yaml"), config + listen);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const read = readConfig({ env: { HOME: folder }, cwd: folder });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  const found = await checkStart(read.value);
  const made = existsSync(join(folder, "data"));
  rmSync(folder, { recursive: true });
  const codes = found.problems.map((problem) => problem.code);
  const said = found.problems.map(({ why, fix }) => `${why}; ${fix}`.replaceAll(folder, "DIR"));
  return { codes, said, made, policy: found.policy, notes: found.notes };
}

describe("checkStart", () => {
  test("a config that starts has no problem, and nothing was made", async () => {
    const { codes, made, policy } = await checked("data_dir: data\npolicy: p.yaml", {
      "p.yaml": 'id: a\nallow: ["*/*"]\n',
    });
    expect([codes, made, policy?.rules.length]).toEqual([[], false, 1]);
  });

  test("globs that match nothing here are noted, once a server, and stop nothing", async () => {
    const rules = [
      "deny:",
      ...[
        '  - "fils/read_*"',
        '  - "fils/write_*"',
        '  - "files/{read,list}_*"',
        '  - "nowhere/x"',
      ],
      ...['  - "*/x"', '  - "g*/x"', '  - "files/*"', '  - "off/x"', '  - "files/[ab]"', '  - "*"'],
      "rules:",
      '  - { id: p, effect: deny, prompts: ["filez/ask"], resources: ["http://[::1]/{a}"] }',
    ];
    const servers = `servers:
  files: { command: "true" }
  off: { command: "true", disabled: true }
`;
    const config = `data_dir: data\npolicy: p.yaml\n${servers}`;
    const { codes, notes } = await checked(config, { "p.yaml": rules.join("\n") });
    expect(codes).toEqual([]);
    const dialect =
      "may match nothing: braces and brackets are no wildcards, * and ? are; " +
      "write one glob for each name";
    expect(notes.map((note) => note.slice(note.lastIndexOf("p.yaml:")))).toEqual([
      'p.yaml:2 "fils/read_*" matches nothing: no server is named fils; did you mean files?',
      `p.yaml:4 "files/{read,list}_*" ${dialect}`,
      'p.yaml:5 "nowhere/x" matches nothing: no server is named nowhere; use files, off',
      `p.yaml:10 "files/[ab]" ${dialect}`,
      'p.yaml:13 "filez/ask" matches nothing: no server is named filez; did you mean files?',
    ]);
    const none = await checked("policy: p.yaml", { "p.yaml": 'allow: ["files/x"]' });
    expect(none.notes[0]).toEndWith("no server is named files; the config has none");
  });

  test("O3 policy and data_dir are both told", async () => {
    const bad = await checked("data_dir: file/data\npolicy: p.yaml", {
      "p.yaml": "x: 1",
      file: "",
    });
    expect(bad.codes).toEqual(["GW_POLICY", "GW_DATA_DIR"]);
  });

  test("a file where data_dir should be", async () => {
    const there = await checked("data_dir: file", { file: "" });
    const move = "move that file away, or set `data_dir` in the config to a folder";
    expect([there.codes, there.said]).toEqual([
      ["GW_DATA_DIR"],
      [`a plain file is there; ${move}`],
    ]);
    const way = await checked("data_dir: file/data", { file: "" });
    expect(way.said).toEqual([`"DIR/file" is a plain file; ${move}`]);
  });

  test("a policy file that is not there", async () => {
    const { codes, said } = await checked("data_dir: data\npolicy: none.yaml");
    expect(codes).toEqual(["GW_POLICY"]);
    expect(said[0]).toContain("no such file (ENOENT); DIR/authensor-gw.yaml:2:9 names it");
    const list = await checked("policy:\n  - p.yaml\n  - none.yaml", {
      "p.yaml": 'id: a\nallow: ["*/*"]\n',
    });
    expect(list.said[0]).toContain("correct its name at DIR/authensor-gw.yaml:3:5");
    expect((await checked("policy: .")).said[0]).toContain("it is a folder (EISDIR)");
  });

  test("a folder that cannot be made", async () => {
    // Nobody makes folders there, root neither.
    const { codes, said } = await checked("data_dir: /proc/authensor");
    expect(codes).toEqual(["GW_DATA_DIR"]);
    // The folder that was tried there is none that its reader knows.
    expect(said).toEqual([
      'no folder can be made in "/proc" (ENOENT); make it by hand, or set `data_dir` in the ' +
        "config to a folder that can be made",
    ]);
  });

  test("the port of another program, and an admin socket that is a file", async () => {
    const other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const taken = await checked(`listen: localhost:${other.port}`);
    await other.stop(true);
    expect(taken.codes).toEqual(["GW_PORT_TAKEN"]);
    const file = await checked("admin: { socket: file }", { file: "" });
    expect(file.codes).toEqual(["GW_LISTEN"]);
    expect((await checked("admin: { group: no-such-group }")).codes).toEqual(["GW_CONFIG"]);
  });

  test("an admin socket: what a killed run left is no problem, another gateway's is", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sock-"));
    const socket = join(folder, "s.sock");
    const config = `admin: { socket: ${socket} }`;
    const script = `Bun.listen({ unix: "${socket}", socket: { data() {} } });
      console.log("up"); setInterval(() => {}, 1000)`;
    const other = startChild([process.execPath, "-e", script]);
    await other.says(/up/);
    expect((await checked(config)).codes).toEqual(["GW_PORT_TAKEN"]);
    await other.kill9();
    expect((await checked(config)).codes).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test("the data_dir of another config's gateway", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "owned-"));
    const owner = await ownDataDir(dataDir);
    const { codes } = await checked(`data_dir: ${dataDir}`);
    owner.release();
    rmSync(dataDir, { recursive: true });
    expect(codes).toEqual(["GW_OWNED"]);
  });

  test("its admin socket is not a second problem: both have the default one", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "owned-"));
    const socket = join(dataDir, "s.sock");
    const owner = await ownDataDir(dataDir, socket);
    const other = Bun.listen({ unix: socket, socket: { data: (one) => void one.end() } });
    const config = `data_dir: ${dataDir}\nadmin: { socket: ${socket} }`;
    const { codes } = await checked(config);
    owner.release();
    // Nobody's data_dir, and somebody's socket.
    const alone = await checked(config);
    other.stop(true);
    rmSync(dataDir, { recursive: true });
    expect([codes, alone.codes]).toEqual([["GW_OWNED"], ["GW_PORT_TAKEN"]]);
  });

  const database = "url: postgres://u:hidden@127.0.0.1:1/x";

  test("a database that is away: a problem where it is required, else a note", async () => {
    const needed = await checked(`database: { ${database}, required_at_start: true }`);
    expect([needed.codes, needed.notes]).toEqual([["GW_DATABASE"], []]);
    const other = await checked(`database: { ${database} }`);
    expect(other.codes).toEqual([]);
    expect(other.notes).toEqual([expect.stringContaining("ECONNREFUSED")]);
    expect(JSON.stringify(other.notes)).not.toContain("hidden");
  });

  test("another store than data_dir was used with, and all problems at once", async () => {
    const pin = JSON.stringify({ kind: "postgres", place: "postgres://a/b", id: "x" });
    const files = { "store.json": pin };
    const { codes } = await checked("data_dir: .\npolicy: none.yaml", files);
    expect(codes).toEqual(["GW_POLICY", "GW_STORE_CHANGED"]);
    expect((await checked(`data_dir: .\ndatabase: { ${database} }`, files)).codes).toEqual([
      "GW_STORE_CHANGED",
    ]);
  });
});
