/** The guard as a command of this program: see upstream/guard.ts. */

import { currentRuntime } from "../runtime/current.ts";

export async function guardChildren(): Promise<void> {
  // L8: who could write in its memory could make it end others.
  (await currentRuntime()).sys.notDumpable();
  const { runGuard } = await import("../upstream/guard-run.ts");
  await runGuard();
}
