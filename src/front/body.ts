/** Reads a request body within a limit and a time, whatever its framing (R1, R5). */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { Member, Roster } from "../base/roster.ts";

/** A body that is not complete yet. */
export interface WaitingBody extends Member {
  /** Monotonic ms. */
  readonly began: number;
  giveUp(): void;
}

/** The bytes, or why there are none. Rejects when the client went away. */
export function readBody(
  request: Request,
  most: number,
  clock: Clock,
  waiting: Roster<WaitingBody>,
): Promise<Uint8Array | "large" | "slow"> {
  return new Promise((resolve, reject) => {
    const body = new ComingBody(clock.mono(), resolve);
    waiting.add(body);
    read(request, most).then(
      (bytes) => {
        waiting.delete(body);
        resolve(bytes);
      },
      (thrown) => {
        waiting.delete(body);
        reject(thrown);
      },
    );
  });
}

class ComingBody implements WaitingBody {
  place = 0;
  readonly began: number;
  readonly #resolve: (end: "slow") => void;

  constructor(began: number, resolve: (end: "slow") => void) {
    this.began = began;
    this.#resolve = resolve;
  }

  giveUp(): void {
    this.#resolve("slow");
  }
}

/** A body that drips keeps every idle limit happy: it has a time for all of it. */
export function endSlowBodies(waiting: Roster<WaitingBody>, now: number): void {
  for (const body of waiting) {
    if (now - body.began < limits.bodyMs) continue;
    waiting.delete(body);
    body.giveUp();
  }
}

function read(request: Request, most: number): Promise<Uint8Array | "large"> {
  const length = request.headers.get("content-length");
  // The runtime never hands over more than the length says; without one it is counted here.
  if (length === null) return readCounted(request, most);
  return Number(length) <= most ? request.bytes() : Promise.resolve("large");
}

async function readCounted(request: Request, most: number): Promise<Uint8Array | "large"> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of request.body ?? []) {
    total += chunk.length;
    if (total > most) return "large";
    chunks.push(chunk);
  }
  const whole = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
