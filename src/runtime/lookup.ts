/**
 * Addresses of names. Where name servers are silent, the C library waits for 5 s and more, on a
 * thread of the pool that writes receipts, and a machine with two processors has two of these: so
 * it is asked for one name at a time, else two such names would hold up every call (L10). Bun's
 * other way (c-ares) takes no thread, but all of a processor while a name server is not there.
 */

import { lookup as systemLookup } from "node:dns/promises";
import { limits } from "../base/limits.ts";
import type { Lookup } from "../base/ports.ts";

/** For all names of the process: what counts is that a thread is left. */
const inTurns = createLookup({
  ask: async (host) => (await systemLookup(host, { all: true })).map(({ address }) => address),
  mono: () => performance.now(),
});

/** Of localhost nobody is asked: a missing family costs one refused connection. */
export const lookup: Lookup = async (host) =>
  host === "localhost" ? ["127.0.0.1", "::1"] : inTurns(host);

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
  /** The last time it took longer than anybody waits for it. */
  late: boolean;
}

/**
 * Each use asks anew. Addresses that were found before stand in where an answer is not there soon
 * (RFC 8767), so that a name without an answer holds up no other for long. Rejects with an Error
 * that has a `code`, as ENOTFOUND, within limits.lookupMs.
 */
export function createLookup({ ask, mono }: NameSource): Lookup {
  const names = new Map<string, Name>();
  /** Those that wait for their turn; who was late comes behind all who were not. */
  const turns: { readonly prompt: (() => void)[]; readonly late: (() => void)[] } = {
    prompt: [],
    late: [],
  };
  /** When the one that runs began. */
  let began: number | undefined;

  function nameOf(host: string): Name {
    let name = names.get(host);
    if (name === undefined) {
      for (const [old, { asking }] of names) {
        if (names.size < limits.lookupNames) break;
        if (asking === undefined) names.delete(old);
      }
      name = { asking: undefined, found: undefined, foundAt: 0, late: false };
      names.set(host, name);
    }
    return name;
  }

  /** When its turn comes, also where nobody waits any more: the next who asks is given it. */
  function inTurn(host: string, name: Name): Promise<readonly string[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    turns[name.late ? "late" : "prompt"].push(() => {
      run(host, name).then(resolve, reject).finally(next);
    });
    promise.catch(() => undefined); // told to who asks; perhaps nobody does any more
    return promise;
  }

  function next(): void {
    began = undefined;
    const turn = turns.prompt.shift() ?? turns.late.shift();
    if (turn === undefined) return;
    began = mono();
    turn();
  }

  async function run(host: string, name: Name): Promise<readonly string[]> {
    const from = mono();
    try {
      const found = await ask(host);
      name.found = found;
      name.foundAt = mono();
      return found;
    } catch (thrown) {
      if (isGone(thrown)) name.found = undefined;
      throw thrown;
    } finally {
      name.late = mono() - from > limits.lookupMs;
      name.asking = undefined;
    }
  }

  return async (host) => {
    const name = nameOf(host);
    if (name.asking === undefined) {
      name.asking = inTurn(host, name);
      if (began === undefined) next();
    }
    const standsIn = () => name.found !== undefined && mono() - name.foundAt < limits.lookupStaleMs;
    const soonMs = Math.max(0, limits.lookupSoonMs - (mono() - (began ?? mono())));
    try {
      return await within(name.asking, standsIn() ? soonMs : limits.lookupMs, host);
    } catch (thrown) {
      if (name.found !== undefined && standsIn()) return name.found;
      throw thrown;
    }
  };
}

/** Name servers answered that it is not there, or has no address. */
function isGone(thrown: unknown): boolean {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  return code === "ENOTFOUND" || code === "ENODATA";
}

function within<T>(work: Promise<T>, ms: number, host: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const code = "ETIMEOUT";
    const late = () => reject(Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code }));
    const timer = setTimeout(late, ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
