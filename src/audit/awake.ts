/**
 * Keeps the loop awake for a lone call. A processor that rests takes 20 to 50 µs to come back, on a
 * virtual machine more, and its caches are cold by then; and a call rests four times: for the disk,
 * its server, the disk again and its agent. So where the last wait of a kind was short, the loop
 * turns through the next one, as the kernel's haltpoll does. Calls in company keep it awake anyway.
 */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { Sys } from "../runtime/runtime.ts";

/** What a lone call waits for. */
export type Wait = "disk" | "server" | "agent";

export interface Awake {
  /** From now on for this: what it waited for before has come. */
  waits(next: Wait): void;
  /** There is no lone call, or no other step of it is to come. */
  rests(): void;
}

export function createAwake(
  { mono }: Pick<Clock, "mono">,
  giveWay: Sys["giveWay"] = () => false,
): Awake {
  const short = { disk: false, server: false, agent: false };
  let wait: Wait | undefined;
  let [since, until] = [0, 0];
  let turning = false;
  // Without giving way, the thread that writes would stand behind the loop on its processor.
  const turn = (): void => {
    turning = mono() <= until && giveWay();
    if (turning) setImmediate(turn);
  };
  return {
    waits(next) {
      const now = mono();
      if (wait !== undefined) short[wait] = now - since <= limits.awakeMs;
      wait = next;
      since = now;
      until = short[next] ? now + limits.awakeMs : 0;
      if (turning || !short[next]) return;
      turning = true;
      setImmediate(turn);
    },
    rests() {
      wait = undefined;
      until = 0;
    },
  };
}
