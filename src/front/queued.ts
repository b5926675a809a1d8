/**
 * Bytes that were handed to connections which do not say when they are read: what is sent again,
 * and what shares a stream with others. A key gets so many of them in a while, so that those who
 * ask and do not read fill nothing (R7).
 */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";

export interface Queued {
  readonly clock: Clock;
  /** Monotonic ms. */
  began: number;
  readonly byKey: Map<string, number>;
}

export function createQueued(clock: Clock): Queued {
  return { clock, began: clock.mono(), byKey: new Map() };
}

/** Whether these may go; they are counted then. */
export function mayQueue(queued: Queued, keyId: string, bytes: number): boolean {
  const now = queued.clock.mono();
  if (now - queued.began >= limits.queuedWindowMs) {
    queued.byKey.clear();
    queued.began = now;
  }
  const own = queued.byKey.get(keyId) ?? 0;
  if (own > 0 && own + bytes > limits.unreadBytesPerKey) return false;
  queued.byKey.set(keyId, own + bytes);
  return true;
}
