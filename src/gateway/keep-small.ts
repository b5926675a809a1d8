/**
 * Collects what ended calls left before there is much of it. Left alone the runtime lets its heap
 * grow to three times what lives: what is in flight at each of its small collections survives them.
 * Measured at 8,000 calls a second: 106 MB of memory instead of 119, at most 118 instead of 136,
 * for 12 ms each second, 1 % of a core and one call in 300. More calls leave as much in less time:
 * at 13,000 a second it was 115 MB before their number counted, too.
 */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { Sys } from "../runtime/runtime.ts";

/** `calls`: how many ended so far; nothing is done while there are none. The result ends it. */
export function keepSmall(
  clock: Pick<Clock, "after">,
  sys: Pick<Sys, "heapBytes" | "collect">,
  calls: () => number,
): () => void {
  let lived = 0;
  let seen = calls();
  let quarters = 0;
  let cancel = () => {};
  const look = () => {
    cancel = clock.after(limits.heapLookMs / 4, look);
    quarters += 1;
    const ended = calls() - seen;
    if (ended === 0 || (quarters < 4 && ended < limits.heapLookCalls)) return;
    seen += ended;
    quarters = 0;
    const bytes = sys.heapBytes();
    if (bytes === undefined) return cancel();
    lived = Math.min(lived, bytes);
    if (lived > limits.heapLivesMost) return;
    if (bytes > Math.max(limits.heapBytes, lived * limits.heapGrowth)) {
      sys.collect();
      lived = sys.heapBytes() ?? bytes;
    }
  };
  cancel = clock.after(limits.heapLookMs / 4, look);
  return () => cancel();
}
