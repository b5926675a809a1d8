/** How old the lists of each server are, and which are too old to be shown. */

import type { Clock } from "../base/ports.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type { Owner } from "./item.ts";

/** How old a server's lists may get. */
export interface Freshness {
  /** It is read again after this long at the latest. */
  readonly freshnessMs: number;
  /** What could not be read again for this long is not shown any more. */
  readonly maxStaleMs: number;
}

export interface Ages {
  /** The server says that it is so, now or (kept over a restart) at `readMs`. */
  good(owner: Owner, method: ListMethod, readMs?: number): void;
  /** Wall ms of the last time that the server said so. */
  readMs(server: string, method: ListMethod): number | undefined;
  forget(server: string, method: ListMethod): void;
  stop(): void;
}

interface Age {
  readonly readMs: number;
  readonly cancel: () => void;
}

/** `over`: a list is older than its server's max_stale. */
export function openAges(clock: Clock, over: (owner: Owner, method: ListMethod) => void): Ages {
  const ages = new Map<string, Age>();
  const nameOf = (server: string, method: ListMethod) => `${server} ${method}`;
  return {
    good(owner, method, readMs = clock.now()) {
      const name = nameOf(owner.upstream.id, method);
      ages.get(name)?.cancel();
      const leftMs = owner.lists.maxStaleMs - ageOf(readMs, clock);
      const cancel = clock.after(Math.max(0, leftMs), () => {
        ages.delete(name);
        over(owner, method);
      });
      ages.set(name, { readMs, cancel });
    },
    readMs: (server, method) => ages.get(nameOf(server, method))?.readMs,
    forget(server, method) {
      const name = nameOf(server, method);
      ages.get(name)?.cancel();
      ages.delete(name);
    },
    stop() {
      for (const { cancel } of ages.values()) cancel();
    },
  };
}

/** A clock that was set back makes nothing younger than new. */
export function ageOf(readMs: number, clock: Clock): number {
  return Math.max(0, clock.now() - readMs);
}
