import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { commandLines } from "./kit.ts";

const { home, gw, writeIn } = commandLines();

describe("init --from", () => {
  test("takes over the servers of a client config", async () => {
    const cwd = join(home, "from");
    mkdirSync(cwd, { recursive: true });
    writeFileSync(
      join(cwd, "c.json"),
      '{"mcpServers":{"My Files":{"command":"npx","args":["-y"]}}}',
    );
    expect((await gw("from", "init", "--from", "c.json")).code).toBe(0);
    const config = join(cwd, "authensor-gw.yaml");
    writeFileSync(config, readFileSync(config, "utf8").replace(":3100", ":0"));
    const checked = await gw("from", "check");
    expect([checked.code, checked.out]).toEqual([0, expect.stringContaining("1 server,")]);
  });

  test("a server called as a property of each object is told of, not lost", async () => {
    writeIn(
      "proto",
      "c.json",
      '{"mcpServers":{"__proto__":{"command":"npx"},"b":{"command":"npx"}}}',
    );
    const { code, err, cwd } = await gw("proto", "init", "--from", "c.json");
    expect([code, err]).toEqual([78, expect.stringContaining('The key "__proto__" is not taken')]);
    expect(existsSync(join(cwd, "authensor-gw.yaml"))).toBe(false);
  });

  test.each([
    ["none.json", "there is no file "],
    ["c.json/none.json", "there is no file "],
    [".", " is no file"],
    ["other.json", "it is no client config"],
  ])("init --from %s says why nothing is taken over", async (from, cause) => {
    writeIn("odd", "c.json", "{}");
    writeIn("odd", "other.json", "{}");
    const { code, err, cwd } = await gw("odd", "init", "--from", from);
    expect([code, err]).toEqual([3, expect.stringContaining(cause)]);
    expect(existsSync(join(cwd, "authensor-gw.yaml"))).toBe(false);
  });

  test("entries that lead to a gateway are left, what one wraps is taken bare", async () => {
    const wrap = ["stdio", "--policy", "read-only", "--", "node", "a.js", "--", "b"];
    const mcpServers = {
      gateway: { command: "/opt/authensor-gw", args: ["stdio"] },
      remote: { url: "http://localhost:1/mcp", headers: { Authorization: "Bearer agw_x" } },
      files: { command: "/opt/authensor-gw", args: wrap, env: { A: "1" } },
      other: { command: "npx", args: ["-y", "x"] },
    };
    writeIn("own", "c.json", JSON.stringify({ mcpServers }));
    const { out, cwd } = await gw("own", "init", "--from", "c.json");
    expect(out).toContain("left  gateway: it leads to a gateway\nleft  remote: ");
    expect(out).toContain("took  files without the gateway around it");
    const { servers } = parse(readFileSync(join(cwd, "authensor-gw.yaml"), "utf8"));
    expect(servers).toEqual({
      files: { command: "node", args: ["a.js", "--", "b"], env: { A: "1" } },
      other: mcpServers.other,
    });
  });

  test("a file of VS Code is read as VS Code reads it; its inputs become credentials", async () => {
    const text = `{ // servers
  "inputs": [{ "id": "tok-en", "type": "promptString" }],
  "servers": {
    "hub": { "type": "http", "url": "https://a.example/mcp",
      "headers": { "Authorization": "Bearer \${input:tok-en}" }, },
    "wind": { "serverUrl": "https://b.example/mcp" },
  },
}`;
    writeIn("code", "vs.json", text);
    const { code, out, cwd } = await gw("code", "init", "--from", "vs.json");
    expect(code).toBe(0);
    expect(out).toContain('took  hub: its input "tok-en" is read from credentials/tok-en beside');
    const { servers } = parse(readFileSync(join(cwd, "authensor-gw.yaml"), "utf8"));
    expect(servers).toMatchObject({
      hub: { headers: { Authorization: "Bearer ${cred:tok-en}" } },
      wind: { url: "https://b.example/mcp" },
    });
  });

  test("the servers of a project of ~/.claude.json are taken over in its folder", async () => {
    const mcpServers = { a: { command: "x" } };
    const projects = { [join(home, "claude")]: { mcpServers: { b: { command: "" } } } };
    const file = writeIn("claude", "c.json", JSON.stringify({ mcpServers, projects }, null, 1));
    const bad = await gw("claude", "init", "--from", "c.json");
    expect(bad.err).toContain(`${file}:11:17 GW_CONFIG: "mcpServers.b.command"`);
    projects[join(home, "claude")] = { mcpServers: { b: { command: "y" } } };
    writeIn("claude", "c.json", JSON.stringify({ mcpServers, projects }));
    const { cwd } = await gw("claude", "init", "--from", "c.json");
    const { servers } = parse(readFileSync(join(cwd, "authensor-gw.yaml"), "utf8"));
    expect(servers).toEqual({ a: { command: "x" }, b: { command: "y" } });
  });

  test("a mistake in the JSON is told with its place", async () => {
    writeIn("slip", "c.json", '{\n  "mcpServers": {\n    "a" { "command": "x" }\n  }\n}');
    const { code, err } = await gw("slip", "init", "--from", "c.json");
    expect([code, err]).toEqual([
      3,
      expect.stringContaining("line 3, column 9: a colon is wanted"),
    ]);
    expect(err).toContain("Try: correct it there");
  });

  test("servers that no config may have are told where the file has them; nothing is written", async () => {
    const text = `{
  // mine
  "mcpServers": {
    "a": { "command": "x", "url": "https://a.example/mcp" },
    "b": { "command": "x", "timeout": "soon", "envFile": ".env" },
    "c": { "command": "x", "env": { "A": "\${NOT_HERE}" } },
  },
}`;
    const file = writeIn("wrong", "c.json", text);
    const { code, err, cwd } = await gw("wrong", "init", "--from", "c.json");
    expect(code).toBe(78);
    const places = err.split("\n").filter((line) => line.includes(" GW_"));
    expect(places).toEqual([
      expect.stringContaining(`${file}:4:5 GW_CONFIG: "mcpServers.a" has a command and a url`),
      expect.stringContaining(`${file}:5:39 GW_CONFIG: "mcpServers.b.timeout" must be`),
      expect.stringContaining(`${file}:5:47 GW_CONFIG: The key "envFile"`),
    ]);
    expect(err).toContain("Nothing was written: correct it there");
    expect(existsSync(join(cwd, "authensor-gw.yaml"))).toBe(false);
    writeIn("wrong", "c.json", '{"mcpServers":{"c":{"command":"x"}}}');
    expect(await gw("wrong", "init", "--from", "c.json")).toMatchObject({ code: 0, err: "" });
  });

  test("beside a config that is there it says what was not taken over, and what to do", async () => {
    writeIn("twice", "c.json", '{"mcpServers":{"My A":{"command":"x"}}}');
    const first = await gw("twice", "init", "--from", "c.json");
    expect(first.out).not.toContain("not taken over");
    expect((await gw("twice", "init", "--from", "c.json")).out).not.toContain("not taken over");
    const more = '{"mcpServers":{"My A":{"command":"x"},"b":{"command":"y"}}}';
    const file = writeIn("twice", "c.json", more);
    const { code, out } = await gw("twice", "init", "--from", "c.json");
    expect([code, out]).toEqual([0, expect.stringContaining(`not taken over from ${file}: b\n`)]);
    expect(out).toContain("put them under its servers yourself");
  });
});
