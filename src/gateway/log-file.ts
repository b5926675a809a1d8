/** Where a gateway's log is when it is no service: the file of `--tui`, which has the terminal. */

import { join } from "node:path";

/** Appended to by the `serve` that `--tui` starts. */
export function logFile(dataDir: string): string {
  return join(dataDir, "gateway.log");
}
