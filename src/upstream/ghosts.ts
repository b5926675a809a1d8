/**
 * Calls that were taken back and never answered: many servers run them on. What one of them asks
 * or logs looks as if it came from the only call in flight, so it is taken for nobody's.
 */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";

export interface Ghosts {
  add(id: number): void;
  /** The server answered it after all: it is done. */
  answered(id: number): void;
  /** Whether there is one: no question can be attributed. */
  any(): boolean;
  /** Whether there is one of the last minutes: no log line can be attributed. */
  recent(): boolean;
  /** Another process or session: nothing of the old one runs in it. */
  clear(): void;
}

export function createGhosts(clock: Clock): Ghosts {
  const since = new Map<number, number>();
  let latest = Number.NEGATIVE_INFINITY;
  return {
    add(id) {
      latest = clock.mono();
      since.set(id, latest);
      if (since.size <= limits.ghostCalls) return;
      for (const oldest of since.keys()) {
        since.delete(oldest);
        break;
      }
    },
    answered: (id) => void since.delete(id),
    any: () => since.size > 0,
    recent: () => since.size > 0 && clock.mono() - latest < limits.ghostMs,
    clear: () => since.clear(),
  };
}
