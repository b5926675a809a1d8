/** One ticker for the deadlines of all calls in flight: what is enforced is what is shown. */

import type { Clock } from "../base/ports.ts";

export interface Deadlines {
  /** Watches a call until it is cleared; `expired` is called at most once. */
  watch(limit: TimeLimit, expired: (which: "idle" | "max") => void): Deadline;
  inFlight(): number;
}

export interface TimeLimit {
  readonly idleMs: number;
  readonly maxMs: number;
}

export interface Deadline {
  /** Monotonic ms. */
  readonly idleAt: number;
  readonly maxAt: number;
  /** Moves both this much further from now. */
  extend(ms: number): void;
  /** The server gave a sign of life: idle starts anew, max does not. */
  touch(): void;
  clear(): void;
}

interface Watched extends Deadline {
  idleAt: number;
  maxAt: number;
  readonly expired: (which: "idle" | "max") => void;
}

/** A tick is 50 ms or less than a deadline's own precision matters to anyone. */
const tickMs = 50;

export function createDeadlines(clock: Clock): Deadlines {
  const watched = new Set<Watched>();
  let ticking = false;

  const tick = () => {
    const now = clock.mono();
    for (const entry of watched) {
      const which = now >= entry.maxAt ? "max" : now >= entry.idleAt ? "idle" : undefined;
      if (which === undefined) continue;
      watched.delete(entry);
      entry.expired(which);
    }
    ticking = watched.size > 0;
    if (ticking) clock.after(tickMs, tick);
  };

  return {
    watch(limit, expired) {
      const now = clock.mono();
      const entry: Watched = {
        idleAt: now + limit.idleMs,
        maxAt: now + limit.maxMs,
        expired,
        touch() {
          entry.idleAt = clock.mono() + limit.idleMs;
        },
        extend(ms) {
          const until = clock.mono() + ms;
          entry.idleAt = Math.max(entry.idleAt, until);
          entry.maxAt = Math.max(entry.maxAt, until);
        },
        clear() {
          watched.delete(entry);
        },
      };
      watched.add(entry);
      if (!ticking) {
        ticking = true;
        clock.after(tickMs, tick);
      }
      return entry;
    },
    inFlight: () => watched.size,
  };
}
