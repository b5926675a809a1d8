/**
 * A child's output, given out so that no child has the loop for itself (U13, R14): what takes long
 * to read is followed by a rest, in which everybody else is served and the pipe holds the child up.
 */

import type { Readable } from "node:stream";

export interface FairShare {
  /** One piece of work: after this many ms the child waits. */
  readonly turnMs: number;
  /** The wait is this many times as long as what it took. */
  readonly rest: number;
}

/** Messages: half of the loop at most. A long answer is read at one go all the same. */
export const messageShare: FairShare = { turnMs: 20, rest: 1 };
/** What a child tells people is worth a tenth of it. */
export const wordsShare: FairShare = { turnMs: 5, rest: 9 };

/** Chunks come in pieces of this size: between two of them the time is looked at. */
const pieceBytes = 4096;
/** A timer takes at most 2^31 - 1 ms, and nobody waits longer than this for a child. */
const restMs = 1_000;

export interface Output {
  pause(): void;
  resume(): void;
}

export function fairOutput(
  stream: Readable,
  take: (bytes: Uint8Array) => void,
  { turnMs, rest }: FairShare,
): Output {
  const waiting: Uint8Array[] = [];
  let [resting, held] = [false, false];

  function read(chunk: Uint8Array): void {
    // What was on its way when the stream was paused.
    if (resting || held || waiting.length > 0) waiting.push(chunk);
    else work(chunk);
  }

  function work(chunk: Uint8Array): void {
    const began = performance.now();
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      take(chunk.subarray(at, at + pieceBytes));
      const took = performance.now() - began;
      if (took <= turnMs && !held) continue;
      const left = chunk.subarray(at + pieceBytes);
      if (left.length > 0) waiting.unshift(left);
      if (took > turnMs) takeRest(Math.min(restMs, took * rest));
      return;
    }
  }

  function takeRest(ms: number): void {
    resting = true;
    stream.pause();
    setTimeout(() => {
      resting = false;
      goOn();
    }, ms);
  }

  function goOn(): void {
    while (waiting.length > 0 && !resting && !held) work(waiting.shift() as Uint8Array);
    if (waiting.length === 0 && !resting && !held) stream.resume();
  }

  stream.on("data", read);
  return {
    pause() {
      held = true;
      stream.pause();
    },
    resume() {
      held = false;
      goOn();
    },
  };
}
