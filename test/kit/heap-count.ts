/**
 * Preloaded into a gateway that runs from source: at each second SIGUSR2 it says on stderr what its
 * main thread has made since the first, and what of that a small collection leaves. `whole`:
 * nothing was collected in between.
 */

import { edenGC, heapStats } from "bun:jsc";
import process from "node:process";

type Counts = Readonly<Record<string, number>>;

let before: Counts | undefined;
/** Nobody holds it: gone where the collector came. */
let marker = new WeakRef({});
let round = 0;

if (Bun.isMainThread) {
  process.on("SIGUSR2", () => {
    if (before === undefined) {
      Bun.gc(true);
      marker = new WeakRef({});
      before = heapStats().objectTypeCounts;
      round += 1;
      process.stderr.write(`COUNTING ${round}\n`);
      return;
    }
    const whole = marker.deref() !== undefined;
    const made = since(before);
    edenGC();
    const left = since(before);
    before = undefined;
    process.stderr.write(`COUNTED ${round} ${JSON.stringify({ made, left, whole })}\n`);
  });
}

function since(earlier: Counts): Counts {
  const counts: Record<string, number> = {};
  for (const [type, count] of Object.entries(heapStats().objectTypeCounts)) {
    counts[type] = count - (earlier[type] ?? 0);
  }
  return counts;
}
