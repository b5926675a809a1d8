/** GET with Last-Event-ID: a lost stream goes on, for its own session only (F14). */

import { fault } from "../base/errors.ts";
import { plain, rpcError, rpcErrorText } from "./answers.ts";
import type { Channel } from "./channel.ts";
import type { Caller, Door } from "./door.ts";
import { type EventId, readEventId } from "./event-id.ts";
import { openEventStream } from "./event-stream.ts";
import { mayQueue } from "./queued.ts";
import type { Session } from "./sessions.ts";

export type Resumed =
  /** The standing stream: from here on (undefined: what came meanwhile is not kept). */
  | { readonly kind: "standing"; readonly channel: Channel | undefined; readonly after: number }
  /** The stream of one request. */
  | { readonly kind: "request"; readonly response: Response }
  | { readonly kind: "refused"; readonly response: Response };

export function resume(door: Door, caller: Caller, session: Session, lastEventId: string): Resumed {
  const id = readEventId(lastEventId);
  if (id === undefined) {
    return { kind: "refused", response: rpcError(plain("GW_EVENT_UNKNOWN")) };
  }
  const ours = id.nonce === session.shelf.nonce;
  const channel = ours ? session.shelf.channels.get(id.channel) : undefined;
  if (channel?.abandoned === false && channel.idText === id.idText) {
    const again = channel.events.reduce((sum, { seq, size }) => sum + (seq > id.seq ? size : 0), 0);
    if (!mayQueue(door.queued, session.keyId, again)) {
      return { kind: "refused", response: rpcError(plain("GW_CLIENT_SLOW"), undefined, later) };
    }
    if (id.idText === "") return { kind: "standing", channel, after: id.seq };
    return { kind: "request", response: goOn(caller, channel, id) };
  }
  if (id.idText === "") return { kind: "standing", channel: undefined, after: 0 };
  return { kind: "request", response: isLost(id) };
}

const later = { "retry-after": "30" };

function goOn(caller: Caller, channel: Channel, id: EventId): Response {
  const events = openEventStream(() => channel.lost(events));
  channel.connect(events, id.seq, caller);
  return events.response;
}

/** The client waits for the answer of this request: it is told that none comes (O11). */
function isLost({ idText }: EventId): Response {
  const error = fault("GW_STREAM_LOST", {
    message: "The answer of this request is not kept here",
    cause: "the gateway was started anew, or the answer waited too long or was too large",
  });
  const events = openEventStream(() => undefined);
  events.write(`event: message\ndata: ${rpcErrorText(error, idText)}\n\n`);
  events.end();
  return events.response;
}
