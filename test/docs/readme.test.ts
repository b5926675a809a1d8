/** What README.md and docs/debugging.md print is tried: configs, policies, commands, codes. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { catalogue } from "../../src/base/error-codes.ts";
import { commands } from "../../src/cli/commands.ts";
import { demoFolder } from "../../src/cli/demo-gateway.ts";
import { runCommandLine } from "../../src/cli/run.ts";
import { readConfig } from "../../src/gateway/config-read.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { root } from "../kit/binary.ts";

const readme = readFileSync(join(root, "README.md"), "utf8");
const debugging = readFileSync(join(root, "docs/debugging.md"), "utf8");
const tui = readFileSync(join(root, "docs/tui.md"), "utf8");

/** In backquotes, after a prompt, or indented as a line to paste. */
const commandLine = /(?:`|\$ |^ {4})(?:npx )?authensor-gw ([a-z-]+)(?: ([a-z]+))?/gm;

function blocks(kind: string): string[] {
  const parts = readme.split(`\`\`\`${kind}\n`).slice(1);
  return parts.map((part) => part.slice(0, part.indexOf("```")));
}

describe("README", () => {
  test("its config is a config", () => {
    const [config = ""] = blocks("yaml");
    const folder = mkdtempSync(join(tmpdir(), "gw-readme-"));
    mkdirSync(join(folder, "credentials"), { mode: 0o700 });
    writeFileSync(join(folder, "credentials/github"), "secret\n", { mode: 0o600 });
    writeFileSync(join(folder, "policy.yaml"), "id: p\nallow: ['*']\n");
    const path = join(folder, "authensor-gw.yaml");
    writeFileSync(path, config, { mode: 0o600 });
    const read = readConfig({ path, env: { HOME: folder }, cwd: folder });
    rmSync(folder, { recursive: true });
    expect(read.ok ? [] : read.error).toEqual([]);
  });

  test("its policy is a policy", () => {
    const [, text = ""] = blocks("yaml");
    const read = readPolicy([{ name: "prod.yaml", text }]);
    expect(read.ok ? [] : read.error).toEqual([]);
  });

  test("what it shows of policy explain is what the demo's policy says", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gw-readme-"));
    const { config } = demoFolder(folder, 0);
    const shown = blocks("text").find((block) => block.includes("policy explain")) ?? "";
    const [, command = "", ...lines] = shown.trimEnd().split("\n");
    const args = command.replace(/^.*? policy explain /, "").match(/'[^']*'|\S+/g) ?? [];
    const argv = args.map((arg) => (arg === "$DEMO" ? config : arg.replaceAll("'", "")));
    const out: string[] = [];
    await runCommandLine(["policy", "explain", ...argv], {
      out: (line) => out.push(line.replaceAll(folder, "/home/me/.local/state/authensor-gw/demo")),
      err: () => undefined,
      env: { HOME: folder },
      cwd: folder,
      interactive: false,
    });
    rmSync(folder, { recursive: true });
    expect(lines).toEqual(out);
  });

  test("it has the two lines, alone on theirs", () => {
    expect(readme).toContain("\n    npm install && npm start\n");
    expect(readme).toContain("\n    npm install && npm test\n");
  });
});

describe("documents", () => {
  const all = commands.flatMap(({ name }) => [name, name.split(" ")[0]]);
  // As an option it is a command of its own.
  const names = new Set([...all, "--tui"]);
  for (const [title, text] of Object.entries({ README: readme, debugging, tui })) {
    test(`${title} names only commands and codes that exist`, () => {
      for (const [, first = "", second = ""] of text.matchAll(commandLine)) {
        if (first === "status" || names.has(`${first} ${second}`)) continue;
        expect(names).toContain(first);
      }
      for (const [code] of text.matchAll(/(?<![A-Z_])GW_[A-Z_]+/g)) {
        expect(Object.keys(catalogue)).toContain(code);
      }
    });
  }
});
