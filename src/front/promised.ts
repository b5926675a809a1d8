/**
 * The promise of a request's answer. The first who waits makes it, be it the crowd, the body or the
 * call; who waits after it hands the same one on, and makes none of its own.
 */

import type { Answer } from "./door.ts";

export interface Promised {
  promise: Promise<Response> | undefined;
  /** undefined: nobody waits, or what was promised is the answer of somebody else by now. */
  settle: ((answer: Answer) => void) | undefined;
}

/** Whoever takes it hands it on as the answer, and calls `settle` at the end. */
export function promiseOf(one: Promised): Promise<Response> {
  if (one.promise !== undefined && one.settle !== undefined) return one.promise;
  one.promise = new Promise(take);
  one.settle = taken;
  return one.promise;
}

/** What was promised is this; if it is the promise itself, somebody took that. */
export function fulfil(one: Promised, answer: Answer): void {
  if (answer === one.promise) return;
  one.settle?.(answer);
  one.settle = undefined;
}

// One for all promises: what is given to it is fetched at once.
let taken: (answer: Answer) => void;
const take = (resolve: (answer: Answer) => void) => {
  taken = resolve;
};
