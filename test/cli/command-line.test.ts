/** What an error says to do can be run as it is printed: with the config that was named. */

import { expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { catalogue } from "../../src/base/error-codes.ts";
import { fault } from "../../src/base/errors.ts";
import { foreignKey } from "../../src/base/foreign-key.ts";
import { fixHere } from "../../src/cli/command-line.ts";
import { agentKey } from "../../src/cli/doctor.ts";
import { commandLines } from "./kit.ts";

const { home, gw, writeIn } = commandLines();
const file = writeIn("away", "my gw.yaml", "listen: localhost:1\ndata_dir: data\n");

test.each([[["status"]], [["reload"]], [["tools", "call", "notes/read_note"]]])(
  "%p of a gateway that does not run",
  async (words) => {
    const named = await gw("away", ...words, "--config", "my gw.yaml");
    expect([named.code, named.err]).toEqual([69, expect.stringContaining("GW_NOT_RUNNING")]);
    expect(named.err).toEndWith(`Try: start it with \`authensor-gw serve --config '${file}'\``);
  },
);

test("doctor client, of a gateway that does not run", async () => {
  const servers = { gateway: { url: "http://127.0.0.1:1/mcp" } };
  writeIn("away", "client.json", JSON.stringify({ mcpServers: servers }));
  const { out } = await gw("away", "doctor", "client", "client.json", "--config", "my gw.yaml");
  expect(out).toContain(`start the gateway: \`authensor-gw serve --config '${file}'\``);
});

test("init names the config that it wrote, where it is not found by itself", async () => {
  const other = await gw("init", "init", "--config", "sub/x.yaml");
  const path = join(home, "init/sub/x.yaml");
  expect(other.out).toContain(`\n  authensor-gw serve --config ${path}`);
  expect(other.out).toContain(`keys create --role executor --name my-agent --config ${path}`);
  expect((await gw("found", "init")).out).toEndWith("\n  authensor-gw serve");
});

test("init where a config is: its policy is kept, and a template's file is said to be unused", async () => {
  await gw("again", "init");
  const kept = `kept  ${join(home, "again/policies/read-only.yaml")}\n`;
  expect((await gw("again", "init")).out).toContain(kept);
  const { out } = await gw("again", "init", "--template", "ask-before-write");
  expect(out).toContain(kept);
  expect(out).toContain("to use it, write there: `policy: policies/ask-before-write.yaml`");
  const same = await gw("again", "init", "--template", "read-only");
  expect(same.out.split(kept)).toHaveLength(2);
  expect(same.out).not.toContain("to use it");
});

test("a config that is not there, and one that is no file", async () => {
  const none = await gw("away", "status", "--config", "no such.yaml");
  const path = join(home, "away/no such.yaml");
  expect(none.err).toContain(`Try: \`authensor-gw init --config '${path}'\` writes one`);
  expect(none.err).toContain("GW_CONFIG_MISSING");
  const folder = await gw("away", "status", "--config", home);
  expect(folder.err).toContain("Try: name a file: this is a folder");
  expect([folder.code, folder.err.includes("authensor-gw init")]).toEqual([78, false]);
});

test("the admin key of another gateway: the command for a new one", () => {
  const { fix } = foreignKey(fault("GW_KEY_UNKNOWN", { message: "" }), "admin.key", "data_dir");
  const made = `authensor-gw keys create --role admin --name admin --config '${file}'`;
  expect(fixed(fix)).toContain(made);
});

test("tools call to a URL where nothing listens", async () => {
  const url = "http://127.0.0.1:1/mcp";
  const { code, err } = await gw("away", "tools", "call", "a/b", "--url", url);
  expect([code, err]).toEqual([69, expect.stringContaining(`Nothing listens at ${url}`)]);
  expect(err).toContain("is the URL right?");
});

test("a log level for too long a time, in the words of the command", async () => {
  const named = ["--config", "my gw.yaml"];
  const { code, err } = await gw("away", "log-level", "debug", "--for", "99h", ...named);
  expect([code, err]).toEqual([3, expect.stringContaining("--for takes a time of at most 24h")]);
});

test("doctor tries the door with the key of tools call: without one that is named, local.key", () => {
  const token = `agw_${"a".repeat(43)}`;
  const from = writeIn("local", "authensor-gw/local.key", token);
  chmodSync(from, 0o600);
  const local = { ...io, env: { XDG_CONFIG_HOME: join(home, "local") } };
  const found = agentKey({ args: [], options: { ...options, text: () => undefined }, io: local });
  expect(found).toEqual({ token, from, named: false });
});

test("a key file without a token", async () => {
  const path = writeIn("away", "hello.key", "hello\n");
  chmodSync(path, 0o600);
  const words = ["doctor", "--key-file", "hello.key", "--config", "my gw.yaml"];
  const { code, err } = await gw("away", ...words);
  expect([code, err]).toEqual([3, expect.stringContaining(`"${path}" holds no token`)]);
  expect(err).not.toContain("hello\n");
});

test("stdio: options of the server's command come after --", async () => {
  const { code, err } = await gw("away", "stdio", "--policy", "read-only", "x", "-y", "z");
  expect([code, err]).toEqual([3, expect.stringContaining("-y is not known")]);
  expect(err).toContain("put -- before that command");
});

test("npm start is the gateway's own process: what ends npm ends it", async () => {
  const { scripts } = await Bun.file(join(import.meta.dirname, "../../package.json")).json();
  expect(scripts.start).toStartWith("exec bun ");
});

test("without --config there is none in it", async () => {
  writeIn("plain", "authensor-gw.yaml", "data_dir: data\n");
  expect((await gw("plain", "status")).err).toEndWith("Try: start it with `authensor-gw serve`");
});

const options = {
  has: () => true,
  text: (name: string) => (name === "config" ? file : undefined),
  all: () => [],
};
const io = { out: () => {}, err: () => {}, env: {}, cwd: home, interactive: false };
const fixed = (fix: string) =>
  fixHere(fault("GW_NAME", { message: "", fix }), { args: [], options, io }).fix;

test("each command that takes a config, and no other words", () => {
  const config = ` --config '${file}'`;
  expect(fixed("authensor-gw keys rotate a")).toBe(`authensor-gw keys rotate a${config}`);
  expect(fixed("did you mean a? `authensor-gw keys list` shows them; then `x`")).toBe(
    `did you mean a? \`authensor-gw keys list${config}\` shows them; then \`x\``,
  );
  for (const fix of [
    "authensor-gw reload: the config was changed since it was read",
    "`authensor-gw demo` needs none",
    "`authensor-gw check --config x`",
    "`authensor-gw no-such-command`",
  ]) {
    expect(fixed(fix)).toBe(fix);
  }
});

test("no row of the catalogue is changed but for its commands", () => {
  for (const { fix } of Object.values(catalogue)) {
    expect(fixed(fix).replaceAll(` --config '${file}'`, "")).toBe(fix);
  }
});
