/** The compiled gateway, built when it is missing or older than its sources. */

import { execFile } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";

export const root = join(import.meta.dirname, "../..");

let built: Promise<string> | undefined;

/** Absolute path of dist/authensor-gw. Rejects with the build's own messages. */
export function binaryPath(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const path = join(root, "dist/authensor-gw");
  if (existsSync(path) && statSync(path).mtimeMs > newestSource()) return path;
  const run = promisify(execFile);
  await run(process.execPath, [join(root, "build.ts")], { cwd: root });
  return path;
}

function newestSource(): number {
  let newest = 0;
  for (const path of ["src", "tui", "policies", "build.ts", "package.json"]) {
    const full = join(root, path);
    if (!existsSync(full)) continue;
    const names = path.includes(".")
      ? [""]
      : readdirSync(full, { recursive: true, encoding: "utf8" });
    for (const name of names) newest = Math.max(newest, statSync(join(full, name)).mtimeMs);
  }
  return newest;
}
