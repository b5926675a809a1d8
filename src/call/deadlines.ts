/** One ticker for the deadlines of all calls in flight: what is enforced is what is shown. */

import type { Clock } from "../base/ports.ts";
import { type Member, Roster } from "../base/roster.ts";

export interface Deadlines {
  /** Watches a call until it is cleared; `expired` is called at most once. */
  watch(call: Watched): Deadline;
  clear(call: Watched): void;
  inFlight(): number;
}

export interface TimeLimit {
  readonly idleMs: number;
  readonly maxMs: number;
}

/** What is watched says itself until when; it may move both at any time. */
export interface Watched extends Deadline, Member {
  /** Monotonic ms when `tellLate` is to be called, 0: not at all. It may move it at any time. */
  lateAt: number;
  tellLate(): void;
  expired(which: "idle" | "max"): void;
}

/** Monotonic ms. A sign of life moves `idleAt`; an operator may move both. */
export interface Deadline {
  idleAt: number;
  maxAt: number;
  /** An operator gave more time than the settings do. */
  extended: boolean;
}

/** Moves a deadline to at least this much from now. */
export function extend(deadline: Deadline, now: number, ms: number): void {
  deadline.idleAt = Math.max(deadline.idleAt, now + ms);
  deadline.maxAt = Math.max(deadline.maxAt, now + ms);
  deadline.extended = true;
}

/** A tick is 50 ms or less than a deadline's own precision matters to anyone. */
const tickMs = 50;

export function createDeadlines(clock: Clock): Deadlines {
  const watched = new Roster<Watched>();
  let ticking = false;

  const tick = () => {
    const now = clock.mono();
    for (const entry of watched) {
      if (entry.lateAt !== 0 && now >= entry.lateAt) entry.tellLate();
      const which = now >= entry.maxAt ? "max" : now >= entry.idleAt ? "idle" : undefined;
      if (which === undefined) continue;
      watched.delete(entry);
      entry.expired(which);
    }
    ticking = watched.size > 0;
    if (ticking) clock.after(tickMs, tick);
  };

  return {
    watch(call) {
      watched.add(call);
      if (!ticking) {
        ticking = true;
        clock.after(tickMs, tick);
      }
      return call;
    },
    clear: (call) => void watched.delete(call),
    inFlight: () => watched.size,
  };
}
