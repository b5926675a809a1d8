/** Reads a request body within a limit and a time, whatever its framing (R1, R5). */

import type { HttpRequest } from "../base/http-request.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { Member, Roster } from "../base/roster.ts";
import type { Peer } from "../runtime/runtime.ts";

/** The bytes, or why there are none. gone: its client is, or the runtime cut it for its size. */
export type Body = Uint8Array | "large" | "slow" | "gone";

/** A body that is not complete yet. */
export interface WaitingBody extends Member {
  /** Monotonic ms. */
  readonly began: number;
  giveUp(): void;
}

/** Of a body that was here already: without a wait. Else see `whenRead`. */
export function readBody(request: HttpRequest, peer: Peer, most: number): Body | Promise<Body> {
  const read = peer.bytes?.(request);
  if (read instanceof Uint8Array) return read.length <= most ? read : "large";
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > most) {
    read?.catch(() => undefined); // refused, whatever comes of it
    return "large";
  }
  if (read !== undefined) return read;
  // The runtime never hands over more than the length says; without one it is counted here.
  return length === null ? readCounted(request, most) : request.bytes();
}

/** `done` is told once: when the body is there, or when that takes too long. */
export function whenRead(
  read: Promise<Body>,
  most: number,
  clock: Clock,
  waiting: Roster<WaitingBody>,
  done: (body: Body) => void,
): void {
  const coming = new ComingBody(clock.mono(), done);
  waiting.add(coming);
  read.then(
    (body) => {
      waiting.delete(coming);
      coming.end(typeof body === "string" || body.length <= most ? body : "large");
    },
    () => {
      waiting.delete(coming);
      coming.end("gone");
    },
  );
}

class ComingBody implements WaitingBody {
  place = 0;
  readonly began: number;
  #done: ((body: Body) => void) | undefined;

  constructor(began: number, done: (body: Body) => void) {
    this.began = began;
    this.#done = done;
  }

  end(body: Body): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(body);
  }

  giveUp(): void {
    this.end("slow");
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

async function readCounted(request: HttpRequest, most: number): Promise<Uint8Array | "large"> {
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
