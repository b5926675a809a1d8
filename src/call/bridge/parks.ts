/** Calls that wait at their server for the next request of a modern client. Memory only. */

import { limits } from "../../base/limits.ts";
import type { Random } from "../../base/ports.ts";
import type { Handling, Incoming, Reply } from "../incoming.ts";

export interface Parked {
  readonly keyId: string;
  /** Whether this is the request that it waits for; `args`: the digest that was sealed. */
  fits(incoming: Incoming, args: string): boolean;
  /** Whether the policy in force would deny the call by now (F24, P28). */
  isDenied(incoming: Incoming): boolean;
  /** Goes on with it, as the same call. */
  resume(incoming: Incoming, reply: Reply): Handling;
  /** Gives up on it. */
  expire(why: string): void;
  /** As its client could, while it has a request open. */
  cancel(reason: string): void;
}

export interface Parks {
  readonly size: number;
  /** A name that is good once; undefined when the key has as many as it may have. */
  add(parked: Parked): string | undefined;
  find(id: string): Parked | undefined;
  delete(id: string): void;
  /** The keys are no more: no client can come back, and others may wait for the server (F11). */
  cancelOf(keyIds: readonly string[], reason: string): void;
  /** The gateway stops: nobody can come back. */
  expireAll(why: string): void;
}

export function createParks(random: Random): Parks {
  const parks = new Map<string, Parked>();
  return {
    get size() {
      return parks.size;
    },
    add(parked) {
      let own = 0;
      for (const { keyId } of parks.values()) if (keyId === parked.keyId) own += 1;
      if (own >= limits.parksPerKey) return undefined;
      // Random: a state of before a restart must not fit a call of after it.
      const id = Buffer.from(random.bytes(16)).toString("base64url");
      parks.set(id, parked);
      return id;
    },
    find: (id) => parks.get(id),
    delete: (id) => void parks.delete(id),
    cancelOf(keyIds, reason) {
      for (const parked of [...parks.values()]) {
        if (keyIds.includes(parked.keyId)) parked.cancel(reason);
      }
    },
    expireAll(why) {
      for (const parked of [...parks.values()]) parked.expire(why);
    },
  };
}
