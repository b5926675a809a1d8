/** What an error says to do can be run as it is printed: with the config that was named. */

import { expect, test } from "bun:test";
import { catalogue } from "../../src/base/error-codes.ts";
import { fault } from "../../src/base/errors.ts";
import { fixHere } from "../../src/cli/command-line.ts";
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
