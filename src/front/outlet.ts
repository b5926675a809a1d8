/** Where the messages of one answer leave once it is an event stream. */

import { limits } from "../base/limits.ts";
import { sseComment, sseEvent } from "../protocol/sse.ts";
import type { EventStream } from "./event-stream.ts";
import { countUnread, type Unread } from "./unread.ts";

export interface Outlet {
  /** Bytes written that the client has not taken yet. */
  backlog(): number;
  /** One JSON-RPC message; does nothing once the stream is over. */
  message(text: string): void;
  /** Keeps proxies from cutting it. */
  beat(): void;
  /** The last message; a large one leaves as its reader takes it. */
  last(text: string): void;
  end(): void;
}

/** Large answers are counted for this key until they are read (R7). */
export interface Counted {
  readonly unread: Unread;
  readonly keyId: string;
}

/** A stream that ends with its connection: 2026-07-28 knows no other. */
export function plainOutlet(events: EventStream, counted: Counted): Outlet {
  return {
    backlog: () => events.backlog(),
    message: (text) => events.write(sseEvent(text)),
    beat: () => events.write(sseComment("")),
    last: (text) => endWith(events, sseEvent(text), counted),
    end: () => events.end(),
  };
}

/** Writes the last event of a stream and ends it. */
export function endWith(
  events: EventStream,
  event: string | Uint8Array<ArrayBuffer>,
  { unread, keyId }: Counted,
): void {
  if (event.length <= limits.unreadFromBytes) {
    events.write(event);
    events.end();
  } else {
    const bytes = typeof event === "string" ? encoder.encode(event) : event;
    events.end(countUnread(unread, keyId, bytes));
  }
}

const encoder = new TextEncoder();
