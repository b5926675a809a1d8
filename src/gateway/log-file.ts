/** Where a gateway's log is when it is no service: a file of ours, or where its stderr goes. */

import { readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

/** Appended to by the `serve` that `--tui` and the demo start: they have the terminal. */
export function logFile(dataDir: string): string {
  return join(dataDir, "gateway.log");
}

export type Stderr =
  | { readonly kind: "file"; readonly path: string }
  /** It can be read by whoever is there only: `the terminal /dev/pts/3`. */
  | { readonly kind: "other"; readonly what: string };

/** Where a process writes its stderr; undefined: it is gone, another user's, or nobody says. */
export function stderrOf(pid: number): Stderr | undefined {
  try {
    const path = readlinkSync(`/proc/${pid}/fd/2`);
    if (path.startsWith("/dev/null")) return { kind: "other", what: "/dev/null, so it is lost" };
    if (path.startsWith("/dev/")) return { kind: "other", what: `the terminal ${path}` };
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
    if (isFile) return { kind: "file", path };
    // Node and Bun give children a pair of sockets.
    const isPipe = path.startsWith("pipe:") || path.startsWith("socket:");
    if (isPipe) return { kind: "other", what: "a pipe of what started it" };
    return { kind: "other", what: path };
  } catch {
    return undefined; // said by whoever asked
  }
}
