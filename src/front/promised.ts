/**
 * The answer of a request that comes later. The first who waits promises it, be it the crowd, the
 * body or the call; who waits after it hands the same on, and makes no promise of its own.
 */

import type { HttpRequest } from "../base/http-request.ts";
import type { Peer } from "../runtime/runtime.ts";
import type { Answer } from "./door.ts";

export interface Promised {
  readonly request: HttpRequest;
  readonly peer: Pick<Peer, "later">;
  /** What was handed on: a promise, or that of the peer. */
  promise: Answer | undefined;
  /** undefined: nobody waits, or what was promised is the answer of somebody else by now. */
  settle: ((answer: Answer) => void) | undefined;
  /** As `settle`, where the peer is told. */
  awaited: boolean;
}

/** Whoever takes it hands it on as the answer, and calls `fulfil` at the end. */
export function promiseOf(one: Promised): Answer {
  const { later } = one.peer;
  if (later !== undefined) {
    one.awaited = true;
    one.promise = later.answer;
  } else if (one.promise === undefined || one.settle === undefined) {
    one.promise = new Promise(take);
    one.settle = taken;
  }
  return one.promise;
}

/** What was promised is this; if it is the promise itself, somebody took that. */
export function fulfil(one: Promised, answer: Answer): void {
  if (answer === one.promise) return;
  if (one.awaited) {
    one.awaited = false;
    one.peer.later?.give(one.request, answer);
  } else {
    one.settle?.(answer);
    one.settle = undefined;
  }
}

// One for all promises: what is given to it is fetched at once.
let taken: (answer: Answer) => void;
const take = (resolve: (answer: Answer) => void) => {
  taken = resolve;
};
