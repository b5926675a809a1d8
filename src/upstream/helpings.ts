/**
 * A connection whose server sends too much (U18), or what takes long to read, is read in small
 * helpings with rests between them: the pipe holds the server up, and others, who need the loop
 * several times for one call, have their turns. All other connections are read as data comes.
 */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { Connection } from "../runtime/runtime.ts";

/** What a connection keeps for it. */
export interface Fed {
  readonly connection: Connection | undefined;
  readonly gone: boolean;
  resting: boolean;
  /** Bytes that were too many since the last rest; 0: none in this answer. */
  crowded: number;
  /** Bytes of this answer so far. */
  fed: number;
  /** What had come already. */
  held: Uint8Array | undefined;
  /** How it closed meanwhile. */
  closing: { readonly error: Error | undefined } | undefined;
}

export interface Helpings<W extends Fed> {
  feed(wire: W, chunk: Uint8Array): void;
  /** So many bytes were too many. `ms`: how long it then rests. */
  rest(wire: W, bytes: number, ms?: number): void;
  /** Whether its close has to wait until what it sent before was read. */
  holds(wire: W, error: Error | undefined): boolean;
}

/** Between two pieces of a chunk it may rest. */
const pieceBytes = 4 * 1024;
/** Whatever it sends: reading is followed by a rest, so many times as long as it took (R14). */
const share = { turnMs: 4, rest: 2 };

export function createHelpings<W extends Fed>(ports: {
  readonly clock: Clock;
  parse(wire: W, chunk: Uint8Array): void;
  /** Its answer is not over. */
  isBusy(wire: W): boolean;
  lose(wire: W, error: Error | undefined): void;
}): Helpings<W> {
  const { clock } = ports;

  function feedSome(wire: W, chunk: Uint8Array): void {
    const began = clock.mono();
    let left = chunk;
    while (left.length > 0 && !wire.resting && !wire.gone) {
      ports.parse(wire, left.subarray(0, pieceBytes));
      left = left.subarray(pieceBytes);
      yieldAfter(wire, clock.mono() - began);
    }
    if (left.length > 0) wire.held = left;
  }

  function feedWhole(wire: W, chunk: Uint8Array): void {
    wire.fed += chunk.length;
    // Too little to take a turn of the loop: not worth two looks at the clock. Of a longer answer
    // the last byte may be what has all of it read.
    const began = wire.fed < pieceBytes ? undefined : clock.mono();
    ports.parse(wire, chunk);
    if (began !== undefined) yieldAfter(wire, clock.mono() - began);
  }

  /** An answer that is over was read at one go, and the next one has done nothing yet. */
  function yieldAfter(wire: W, tookMs: number): void {
    if (tookMs < share.turnMs || wire.gone || !ports.isBusy(wire)) return;
    wire.crowded = Math.max(wire.crowded, 1);
    restFor(wire, tookMs * share.rest);
  }

  function restFor(wire: W, ms: number): void {
    if (wire.resting) return;
    wire.resting = true;
    wire.connection?.pause();
    clock.after(ms, () => goOn(wire));
  }

  function goOn(wire: W): void {
    const { held, closing } = wire;
    wire.resting = false;
    wire.held = undefined;
    if (wire.gone) return;
    if (held !== undefined) feedSome(wire, held);
    if (wire.resting || wire.gone) return;
    if (closing === undefined) wire.connection?.resume();
    else ports.lose(wire, closing.error);
  }

  return {
    feed(wire, chunk) {
      if (wire.resting) wire.held = wire.held ? Buffer.concat([wire.held, chunk]) : chunk;
      else if (wire.crowded > 0) feedSome(wire, chunk);
      else feedWhole(wire, chunk);
    },
    rest(wire, bytes, ms = limits.crowdedRestMs) {
      wire.crowded += bytes;
      if (wire.resting || wire.crowded < limits.crowdedBytes) return;
      wire.crowded = 1;
      restFor(wire, ms);
    },
    holds(wire, error) {
      if (wire.resting) wire.closing = { error };
      return wire.resting;
    },
  };
}
