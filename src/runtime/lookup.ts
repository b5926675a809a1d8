/**
 * Addresses of names. The C library is asked on a thread of the pool that writes receipts, and is
 * silent for 5 s and more where its name servers are: a machine with two processors has two such
 * threads, so two such names would hold up every call (L10). Hence the name servers are asked
 * without a thread first, and the C library only where that ends soon, for one name at a time.
 */

import { limits } from "../base/limits.ts";
import type { Lookup } from "../base/ports.ts";

export interface NameSources {
  /** The name servers and /etc/hosts; takes no thread. */
  ask(host: string): Promise<readonly string[]>;
  /** The C library: knows what else the machine names hosts by (nsswitch.conf). Takes a thread. */
  system(host: string): Promise<readonly string[]>;
  /** Monotonic ms. */
  mono(): number;
}

/** Rejects with an Error that has a `code`, as ENOTFOUND, within limits.lookupMs. */
export function createLookup(sources: NameSources): Lookup {
  const asked = new Map<string, Promise<readonly string[]>>();
  let system: Promise<unknown> = Promise.resolve();

  async function find(host: string, late: { readonly is: boolean }): Promise<readonly string[]> {
    const began = sources.mono();
    try {
      const found = await sources.ask(host);
      if (found.length > 0) return found;
    } catch (thrown) {
      // Who is silent here would be silent there, too.
      if (sources.mono() - began > limits.lookupSoonMs) throw named(thrown, host);
    }
    const before = system;
    const next = before.then(() => (late.is ? [] : sources.system(host)));
    system = next.catch(() => undefined); // told to who asked
    return next;
  }

  return (host) => {
    let answer = asked.get(host);
    if (answer === undefined) {
      answer = inTime(host, (late) => find(host, late)).finally(() => asked.delete(host));
      asked.set(host, answer);
    }
    return answer;
  };
}

function inTime<T>(host: string, work: (late: { readonly is: boolean }) => Promise<T>): Promise<T> {
  const late = { is: false };
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      late.is = true;
      reject(failure("ETIMEOUT", host));
    }, limits.lookupMs);
    work(late)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

/** As the C library's errors are named: Bun puts DNS_ in front of the codes of the others. */
function named(thrown: unknown, host: string): Error {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "EAI_FAIL";
  return failure(code.startsWith("DNS_") ? code.slice(4) : code, host);
}

function failure(code: string, host: string): Error {
  return Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code });
}
