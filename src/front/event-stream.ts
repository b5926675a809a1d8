/** One text/event-stream answer: written at once, bounded by what its reader owes. */

import { limits } from "../base/limits.ts";
import type { UnreadAnswer } from "./unread.ts";

export interface EventStream {
  readonly response: Response;
  /** Bytes written that the client has not taken yet. */
  backlog(): number;
  /** Does nothing once the stream is over. */
  write(text: string | Uint8Array): void;
  /** `last`: what still leaves before the end, as the reader takes it. */
  end(last?: UnreadAnswer): void;
}

/** `gone` is called once when the client leaves, never after end(). */
export function openEventStream(gone: () => void, headers?: Record<string, string>): EventStream {
  let open = true;
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let last: UnreadAnswer | undefined;
  const feed = () => {
    const slice = last?.next();
    if (slice === undefined) controller.close();
    else controller.enqueue(slice);
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
      },
      pull() {
        if (last !== undefined) feed();
      },
      cancel() {
        last?.over();
        if (!open) return;
        open = false;
        gone();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: limits.streamBacklogBytes }),
  );
  return {
    response: new Response(body, { headers: { ...streamHeaders, ...headers } }),
    backlog: () => (open ? limits.streamBacklogBytes - (controller.desiredSize ?? 0) : 0),
    write(text) {
      if (open) controller.enqueue(typeof text === "string" ? encoder.encode(text) : text);
    },
    end(given) {
      if (!open) return given?.over();
      open = false;
      last = given;
      if (given !== undefined) given.cut = () => controller.error(new Error("nobody reads"));
      feed();
    },
  };
}

export const streamHeaders = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache",
  // nginx and its kind would hold events back.
  "x-accel-buffering": "no",
};

const encoder = new TextEncoder();
