/** What was written to stdout and stderr and not taken yet: an exit would drop it. */

import process from "node:process";

let waiting = 0;
let whenNone: (() => void) | undefined;

export function writeTo(stream: "stdout" | "stderr", text: string): void {
  waiting += 1;
  process[stream].write(text, taken);
}

/** Once, at once where nothing waits. An empty write would not do: on Bun it overtakes others. */
export function onAllTaken(run: () => void): void {
  if (waiting === 0) run();
  else whenNone = run;
}

/** Or never will be: its reader went away. */
function taken(): void {
  waiting -= 1;
  if (waiting > 0) return;
  whenNone?.();
  whenNone = undefined;
}
