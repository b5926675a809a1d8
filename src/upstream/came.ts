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
  let came: { readonly wire: W; readonly chunk: Uint8Array }[] = [];

  function feedAll(): void {
    const chunks = came;
    came = [];
    let done = 0;
    try {
      for (const { wire, chunk } of chunks) {
        done += 1;
        feed(wire, chunk);
      }
    } finally {
      // What throws takes no other connection's bytes with it.
      const left = chunks.slice(done);
      if (left.length > 0) {
        came = [...left, ...came];
        setImmediate(feedAll);
      }
    }
  }

  return {
    add(wire, chunk) {
      // In their order, also where fewer are busy by now.
      if (busy.size < limits.crowd && came.length === 0) feed(wire, chunk);
      else if (came.push({ wire, chunk }) === 1) setImmediate(feedAll);
    },
    feed() {
      if (came.length > 0) feedAll();
    },
  };
}
