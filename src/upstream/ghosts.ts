/**
 * Calls that were taken back and never answered: many servers run them on. What one of them asks
 * or logs looks as if it came from the only call in flight, so it is taken for nobody's.
 */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";

export interface Ghosts {
  /** `owner`: id of the key whose call it was. */
  add(id: number, owner: string | undefined): void;
  /** The server answered it after all: it is done. False: it was none. */
  answered(id: number): boolean;
  /** Whether there is one: no question can be attributed. */
  any(): boolean;
  /** Whether another key has one of the last minutes: no log line is surely this owner's. */
  recent(owner: string | undefined): boolean;
  /** Another process or session: nothing of the old one runs in it. */
  clear(): void;
}

export function createGhosts(clock: Clock): Ghosts {
  const all = new Map<number, { readonly at: number; readonly owner: string | undefined }>();
  return {
    add(id, owner) {
      all.set(id, { at: clock.mono(), owner });
      if (all.size <= limits.ghostCalls) return;
      for (const oldest of all.keys()) {
        all.delete(oldest);
        break;
      }
    },
    answered: (id) => all.delete(id),
    any: () => all.size > 0,
    recent(owner) {
      const from = clock.mono() - limits.ghostMs;
      for (const ghost of all.values()) {
        const own = owner !== undefined && ghost.owner === owner;
        if (!own && ghost.at > from) return true;
      }
      return false;
    },
    clear: () => all.clear(),
  };
}
