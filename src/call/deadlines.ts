/** One ticker for the deadlines of all calls in flight: what is enforced is what is shown. */

import { limits } from "../base/limits.ts";
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
  /** Their time was over at the last tick; they are told in small groups. */
  const due: Watched[] = [];
  let ticking = false;

  const tick = () => {
    const now = clock.mono();
    for (const call of watched) {
      if (call.lateAt !== 0 && now >= call.lateAt) call.tellLate();
      if (now >= call.maxAt || now >= call.idleAt) due.push(call);
    }
    // The youngest are told first: those that wait for a turn do not get it for no time at all.
    due.reverse();
    ticking = watched.size > 0;
    if (due.length > 0) tell();
    else if (ticking) clock.after(tickMs, tick);
  };

  /**
   * R14: each takes as long as a call that ends well, and those of one tick at once would hold up
   * the calls of all other servers.
   */
  const tell = () => {
    const now = clock.mono();
    const most = Math.max(limits.expiredAtOnce, due.length / 16);
    for (let count = 0; count < most; count += 1) {
      const call = due.pop();
      if (call === undefined) break;
      if (!watched.has(call)) continue;
      const which = now >= call.maxAt ? "max" : now >= call.idleAt ? "idle" : undefined;
      if (which === undefined) continue;
      watched.delete(call);
      call.expired(which);
    }
    clock.after(due.length > 0 ? 1 : tickMs, due.length > 0 ? tell : tick);
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
