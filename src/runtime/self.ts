/** The command line that starts this same program again: for children that are us. */

import process from "node:process";
import { fileURLToPath } from "node:url";

/** Compiled: the binary. From source: the runtime and src/main.ts. */
export function selfCommand(): readonly string[] {
  const main = new URL("../main.ts", import.meta.url);
  // In a compiled binary every module lives in Bun's virtual file system.
  if (main.protocol !== "file:" || main.pathname.includes("$bunfs")) return [process.execPath];
  const path = fileURLToPath(main);
  const deno = process.versions["deno"] !== undefined;
  return deno ? [process.execPath, "run", "-A", path] : [process.execPath, path];
}
