/** Sums of what belongs to no call. */

import type { Unattributed } from "./upstream.ts";

export const nothingLost: Unattributed = { question: 0, log: 0, answer: 0 };

export function sumOf(all: Iterable<Unattributed | undefined>): Unattributed {
  let [question, log, answer] = [0, 0, 0];
  for (const one of all) {
    question += one?.question ?? 0;
    log += one?.log ?? 0;
    answer += one?.answer ?? 0;
  }
  return { question, log, answer };
}
