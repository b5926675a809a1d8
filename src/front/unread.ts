/** Large answers that their clients have not read yet: how many bytes, and a bound on them (R7). */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";

export interface Unread {
  readonly clock: Clock;
  /** Bytes in all. */
  total: number;
  readonly byKey: Map<string, number>;
  readonly answers: Set<UnreadAnswer>;
}

/** One answer that leaves in slices, each when its reader asks for it. */
export interface UnreadAnswer {
  /** Bytes in all. */
  readonly size: number;
  /** undefined: that was all; it is not counted any more. */
  next(): Uint8Array<ArrayBuffer> | undefined;
  /** The client left. */
  over(): void;
  /** Ends the stream it leaves by; set by whoever opens that. */
  cut: (() => void) | undefined;
  /** Monotonic ms of the last slice. */
  readonly movedAt: number;
}

export function createUnread(clock: Clock): Unread {
  return { clock, total: 0, byKey: new Map(), answers: new Set() };
}

/** Whether one more answer fits; who has none unread gets one of any size. */
export function hasRoom(unread: Unread, keyId: string, bytes: number): boolean {
  const own = unread.byKey.get(keyId) ?? 0;
  if (own > 0 && own + bytes > limits.unreadBytesPerKey) return false;
  return unread.total === 0 || unread.total + bytes <= limits.unreadBytes;
}

/** A key so far behind that no large answer would reach it: its calls need not be made. */
export function isBehind(unread: Unread, keyId: string): boolean {
  return (unread.byKey.get(keyId) ?? 0) + limits.unreadFromBytes > limits.unreadBytesPerKey;
}

/**
 * Counts `bytes` from now until they were read, or nobody is there to read them; `done` is told
 * once, then.
 */
export function countUnread(
  unread: Unread,
  keyId: string,
  bytes: Uint8Array<ArrayBuffer>,
  done?: () => void,
): UnreadAnswer {
  const size = bytes.length;
  let rest = bytes;
  let movedAt = unread.clock.mono();
  const answer: UnreadAnswer = {
    size,
    cut: undefined,
    get movedAt() {
      return movedAt;
    },
    next() {
      if (rest.length === 0) answer.over();
      if (!unread.answers.has(answer)) return undefined;
      const slice = rest.subarray(0, limits.answerSliceBytes);
      rest = rest.subarray(slice.length);
      movedAt = unread.clock.mono();
      return slice;
    },
    over() {
      if (!unread.answers.delete(answer)) return;
      rest = nothing;
      add(unread, keyId, -size);
      done?.();
    },
  };
  unread.answers.add(answer);
  add(unread, keyId, size);
  return answer;
}

/** The body of a response that is this answer and nothing else. */
export function unreadBody(answer: UnreadAnswer): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        answer.cut = () => controller.error(stalled);
      },
      pull(controller) {
        const slice = answer.next();
        if (slice === undefined) controller.close();
        else controller.enqueue(slice);
      },
      cancel: () => answer.over(),
    },
    // Nothing is taken before the socket asks for it.
    { highWaterMark: 0 },
  );
}

/** Readers that stopped within an answer are let go; so is what no runtime ever asked for. */
export function endStalled(unread: Unread, now: number): void {
  for (const answer of [...unread.answers]) {
    if (now - answer.movedAt < limits.unreadMs) continue;
    answer.over();
    answer.cut?.();
  }
}

const nothing = new Uint8Array(0);
const stalled = new Error("the client does not read its answer");

function add(unread: Unread, keyId: string, bytes: number): void {
  unread.total += bytes;
  const own = (unread.byKey.get(keyId) ?? 0) + bytes;
  if (own === 0) unread.byKey.delete(keyId);
  else unread.byKey.set(keyId, own);
}
