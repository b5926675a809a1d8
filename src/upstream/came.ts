/**
 * Bytes from servers. Where many connections are busy, what came in one turn of the loop is read
 * at its end, one after another: as front/crowd.ts.
 */

import { limits } from "../base/limits.ts";

export interface Came<W> {
  /** Read now, or at the end of the turn. */
  add(wire: W, chunk: Uint8Array): void;
  /** Reads what waits: before a connection is taken for another request, or is known to be lost. */
  feed(): void;
}

export function createCame<W>(
  busy: { readonly size: number },
  feed: (wire: W, chunk: Uint8Array) => void,
): Came<W> {
  /** What waits, from `next` on: two lists, as an object for each would be one a call. */
  const wires: W[] = [];
  const chunks: Uint8Array[] = [];
  let next = 0;
  let feeding = false;

  function feedAll(): void {
    // What reading leads to may ask for it again.
    if (feeding) return;
    feeding = true;
    try {
      while (next < wires.length) {
        next += 1;
        feed(wires[next - 1] as W, chunks[next - 1] as Uint8Array);
      }
    } finally {
      feeding = false;
      // What throws takes no other connection's bytes with it.
      if (next < wires.length) setImmediate(feedAll);
      else next = wires.length = chunks.length = 0;
    }
  }

  return {
    add(wire, chunk) {
      // In their order, also where fewer are busy by now.
      if (busy.size < limits.crowd && wires.length === 0) {
        feed(wire, chunk);
        return;
      }
      chunks.push(chunk);
      if (wires.push(wire) === 1) setImmediate(feedAll);
    },
    feed() {
      if (wires.length > 0) feedAll();
    },
  };
}
