/** The compiled program on its own: no files beside it, and none around it that steer it. */

import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { binaryPath } from "./kit/binary.ts";
import { startChild } from "./kit/child.ts";

const folder = mkdtempSync(join(tmpdir(), "gw-binary-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the binary", () => {
  test("says its version", async () => {
    const { code, stdout } = await run(await alone(), ["version"]);
    expect(code).toBe(0);
    expect(stdout).toContain(packageJson.version);
  });

  test("runs alone: another folder, no PATH, an empty HOME", async () => {
    const program = await alone();
    const home = join(folder, "home");
    mkdirSync(home, { recursive: true });
    const { code, stdout } = await run(program, ["help"], { HOME: home }, home);
    expect(code).toBe(0);
    expect(stdout).toContain("serve");
    expect(readdirSync(home)).toEqual([]);
  });

  test("no bunfig.toml, .env, tsconfig.json or package.json of its folder steers it", async () => {
    const hostile = join(folder, "hostile");
    mkdirSync(hostile, { recursive: true });
    writeFileSync(
      join(hostile, "taken.ts"),
      'process.stdout.write("taken over"); process.exit(9);',
    );
    writeFileSync(join(hostile, "bunfig.toml"), 'preload = ["./taken.ts"]\n');
    writeFileSync(join(hostile, ".env"), "NODE_DEBUG=http\nAUTHENSOR_GW_CONFIG=/nonexistent\n");
    writeFileSync(join(hostile, "tsconfig.json"), "not json");
    writeFileSync(join(hostile, "package.json"), "not json");
    const calm = await run(await alone(), ["version"], {}, folder);
    const found = await run(await alone(), ["version"], {}, hostile);
    expect(found).toEqual(calm);
  });

  test("an unknown command is a usage error with the way out", async () => {
    const { code, stderr } = await run(await alone(), ["serv"]);
    expect(code).toBe(3);
    expect(stderr).toContain("Try:");
  });

  test("a missing config is exit 78 and names the file", async () => {
    const missing = join(folder, "none.yaml");
    const { code, stderr } = await run(await alone(), ["serve", "--config", missing]);
    expect(code).toBe(78);
    expect(stderr).toContain("none.yaml");
  });
});

/** A copy with nothing beside it. */
async function alone(): Promise<string> {
  const path = join(folder, "authensor-gw");
  copyFileSync(await binaryPath(), path);
  return path;
}

async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = folder,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = startChild([program, ...args], { env, cwd });
  const code = await child.ended;
  await Bun.sleep(20);
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}
