/**
 * Who may use the database at once, and how long they wait for that: the package queues inside,
 * where nobody can count.
 */

import type { PoolStatus } from "./store.ts";

export interface PoolGate {
  /**
   * Runs `work` when one of the places is free, in order; rejects with `late` after `ms`, waiting
   * included. Then its place is free again, whatever becomes of the work.
   */
  use<T>(ms: number, work: () => Promise<T>): Promise<T>;
  status(open: number): PoolStatus;
}

export const late = new Error("late");

export function createPoolGate(max: number, mono = () => performance.now()): PoolGate {
  const waiting = new Set<() => void>();
  const waits = createSamples();
  const queries = createSamples();
  let busy = 0;

  /** The place goes on to the next: it is never free in between. */
  function leave(): void {
    const [next] = waiting;
    if (next === undefined) busy -= 1;
    else next();
  }

  return {
    use: (ms, work) =>
      new Promise((resolve, reject) => {
        const asked = mono();
        let began: number | undefined;
        const end = () => {
          clearTimeout(timer);
          waiting.delete(begin);
          if (began !== undefined) {
            queries.add(mono() - began);
            leave();
          }
        };
        const timer = setTimeout(() => {
          end();
          reject(late);
          over = true;
        }, ms);
        let over = false;
        const settle = (then: () => void) => {
          if (over) return;
          over = true;
          end();
          then();
        };
        const begin = () => {
          waiting.delete(begin);
          began = mono();
          waits.add(began - asked);
          work().then(
            (value) => settle(() => resolve(value)),
            (error) => settle(() => reject(error)),
          );
        };
        if (busy >= max) {
          waiting.add(begin);
          return;
        }
        busy += 1;
        begin();
      }),
    status: (open) => ({
      busy,
      idle: Math.max(0, Math.min(open, max) - busy),
      waiting: waiting.size,
      max,
      waitP95Ms: waits.p95(),
      queryP95Ms: queries.p95(),
    }),
  };
}

/** Uses that p95 is made of. */
const samples = 256;

function createSamples(): { add(ms: number): void; p95(): number | null } {
  const kept = new Float64Array(samples);
  let count = 0;
  return {
    add(ms) {
      kept[count % samples] = ms;
      count += 1;
    },
    p95() {
      const sorted = kept.slice(0, Math.min(count, samples)).sort();
      const ms = sorted[Math.floor(sorted.length * 0.95)];
      return ms === undefined ? null : Math.round(ms * 10) / 10;
    },
  };
}
