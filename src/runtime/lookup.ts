/**
 * Addresses of names. Where name servers are silent, the C library waits for 5 s and more, on a
 * thread of the pool that writes receipts, and a machine with two processors has two of these: so
 * it is asked for one name at a time, else two such names would hold up every call (L10). Bun's
 * other way (c-ares) takes no thread, but all of a processor while a name server is not there.
 */

import { lookup as systemLookup } from "node:dns/promises";
import { limits } from "../base/limits.ts";
import type { Lookup } from "../base/ports.ts";

/** All names of the process share it: what counts is that a thread is left. */
export const lookup: Lookup = createLookup({
  ask: async (host) => (await systemLookup(host, { all: true })).map(({ address }) => address),
  mono: () => performance.now(),
});

export interface NameSource {
  /** Takes a thread until it is over. */
  readonly ask: Lookup;
  /** Monotonic ms. */
  mono(): number;
}

interface Name {
  /** Waits for its turn, or runs. */
  asking: Promise<readonly string[]> | undefined;
  found: readonly string[] | undefined;
  foundAt: number;
}

/**
 * Each use asks anew. Addresses that were found before stand in where an answer is not there soon
 * (RFC 8767), so that a name without an answer holds up no other for long. Rejects with an Error
 * that has a `code`, as ENOTFOUND, within limits.lookupMs.
 */
export function createLookup({ ask, mono }: NameSource): Lookup {
  const names = new Map<string, Name>();
  let last: Promise<unknown> = Promise.resolve();

  function nameOf(host: string): Name {
    let name = names.get(host);
    if (name === undefined) {
      for (const [old, { asking }] of names) {
        if (names.size < limits.lookupNames) break;
        if (asking === undefined) names.delete(old);
      }
      name = { asking: undefined, found: undefined, foundAt: 0 };
      names.set(host, name);
    }
    return name;
  }

  /** When its turn comes, also where nobody waits any more: the next who asks is given it. */
  async function inTurn(host: string, name: Name, before: Promise<unknown>) {
    try {
      await before;
      const found = await ask(host);
      name.found = found;
      name.foundAt = mono();
      return found;
    } catch (thrown) {
      if (codeOf(thrown) === "ENOTFOUND") name.found = undefined;
      throw thrown;
    } finally {
      name.asking = undefined;
    }
  }

  return async (host) => {
    const name = nameOf(host);
    if (name.asking === undefined) {
      name.asking = inTurn(host, name, last);
      last = name.asking.catch(() => undefined); // told to who asked
    }
    const standsIn = () => name.found !== undefined && mono() - name.foundAt < limits.lookupStaleMs;
    try {
      return await within(name.asking, standsIn() ? limits.lookupSoonMs : limits.lookupMs, host);
    } catch (thrown) {
      if (name.found !== undefined && standsIn()) return name.found;
      throw thrown;
    }
  };
}

function within<T>(work: Promise<T>, ms: number, host: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const code = "ETIMEOUT";
    const late = () => reject(Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code }));
    const timer = setTimeout(late, ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}
