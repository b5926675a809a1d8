/**
 * HTTP+SSE, the transport of 2024-11-05: GET /sse is the session and brings every answer, POST
 * /messages asks. The session ends with its stream.
 */

import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { resultMessage } from "../protocol/envelope.ts";
import { classify } from "../protocol/era.ts";
import type { Message } from "../protocol/message.ts";
import { accepted, json, plain, problemText, rpcError, rpcErrorText } from "./answers.ts";
import { callInto } from "./batch.ts";
import { again, internal } from "./carry.ts";
import type { Answer, Caller, Door } from "./door.ts";
import { endSession } from "./end-session.ts";
import { keyFull } from "./full.ts";
import { begin, told } from "./legacy.ts";
import { listChanges } from "./list-changes.ts";
import type { Outlet } from "./outlet.ts";
import { withSpoken } from "./pin.ts";
import { mayQueue } from "./queued.ts";
import { readOne } from "./read-one.ts";
import type { Seen, Session } from "./sessions.ts";
import type { ClientStream } from "./streams.ts";

/** A stream and the session that was initialized on it. */
export interface OldStream {
  readonly keyId: string;
  readonly stream: ClientStream;
  readonly seen: Seen;
  session: Session | undefined;
  /** initialize is being answered. */
  beginning: boolean;
}

/** GET /sse. */
export function openOldStream(door: Door, caller: Caller): Answer {
  const { identity, request, peer } = caller;
  if (door.ports.protocol === "modern") return rpcError(plain("GW_NOT_FOUND"));
  const wanted = caller.head.accepts;
  if (wanted === "json" || wanted === "none") return rpcError(plain("GW_ACCEPT"));
  if (door.draining) return rpcError(plain("GW_DRAINING"), undefined, again);
  const { keyId } = identity;
  const own = [...door.oldStreams.values()].filter((stream) => stream.keyId === keyId);
  const id = Buffer.from(door.ports.random.bytes(32)).toString("base64url");
  const seen: Seen = new Map();
  const isFull = own.length >= limits.oldStreamsPerKey;
  const stream = isFull
    ? undefined
    : door.streams.open({
        ...{ identity, peer, request, seen, lists: listChanges },
        opening: `event: endpoint\ndata: /messages?sessionId=${id}\n\n`,
        closed: () => closed(door, id),
      });
  if (stream === undefined)
    return rpcError(keyFull(isFull ? "HTTP+SSE streams" : "streams"), undefined, again);
  door.oldStreams.set(id, { keyId, stream, seen, session: undefined, beginning: false });
  return stream.response;
}

function closed(door: Door, id: string): void {
  const old = door.oldStreams.get(id);
  door.oldStreams.delete(id);
  if (old?.session !== undefined) endSession(door, old.session);
}

/** POST /messages, its body read. */
export function postMessage(door: Door, caller: Caller, bytes: Uint8Array): Answer {
  const { request, identity } = caller;
  const id = new URLSearchParams(request.url.slice(request.url.indexOf("?") + 1)).get("sessionId");
  if (id === null) return rpcError(plain("GW_SESSION_MISSING"));
  const old = door.oldStreams.get(id);
  if (old === undefined || old.keyId !== identity.keyId) {
    return rpcError(plain("GW_SESSION_UNKNOWN"));
  }
  const { version } = caller.head;
  const message = readOne(door, bytes, version);
  if (message.kind === "refused") {
    return rpcError(fault(message.code, { message: message.message }), message.idText);
  }
  const era = classify(message, version);
  const idText = message.kind === "request" ? message.idText : undefined;
  if (!era.ok) {
    const refused = withSpoken("legacy", message, era.error);
    return json(refused.http, problemText(refused, idText));
  }
  if (era.value.era === "modern") {
    return rpcError(plain("GW_MESSAGE", "2026-07-28 is spoken at /mcp"), idText);
  }
  return take(door, caller, old, message);
}

function take(door: Door, caller: Caller, old: OldStream, message: Message): Answer {
  const { session } = old;
  if (message.kind === "request" && message.method === "initialize") {
    return initialize(door, caller, old, message);
  }
  const idText = message.kind === "request" ? message.idText : undefined;
  if (session === undefined) return rpcError(plain("GW_SESSION_MISSING"), idText);
  if (message.kind !== "request") return told(session, message);
  session.identity = caller.identity;
  const outlet = outletOf(door, old, message.idText);
  callInto(door, caller, session, message, { accepts: "both", outlet });
  return accepted();
}

function initialize(
  door: Door,
  caller: Caller,
  old: OldStream,
  message: Extract<Message, { kind: "request" }>,
): Answer {
  const { idText } = message;
  if (old.session !== undefined || old.beginning) {
    return rpcError(plain("GW_MESSAGE", "this stream was initialized before"), idText);
  }
  old.beginning = true;
  const { stream, seen } = old;
  begin(door, caller, message, { seen, standing: { abandoned: false, message: stream.send } })
    .then((begun) => {
      if (!("session" in begun)) return stream.send(rpcErrorText(begun.error, idText));
      // Its stream may have ended while it was made.
      if (![...door.oldStreams.values()].includes(old)) return endSession(door, begun.session);
      old.session = begun.session;
      stream.send(resultMessage(idText, begun.result).join(""));
    })
    .catch((thrown) => stream.send(rpcErrorText(internal(door, thrown), idText)))
    .finally(() => {
      old.beginning = false;
    });
  return accepted();
}

/** The stream goes on after an answer. */
function outletOf(door: Door, { stream, keyId }: OldStream, idText: string): Outlet {
  return {
    backlog: () => stream.backlog(),
    message: (text) => stream.send(text),
    beat: () => undefined,
    last(text) {
      // What is written is not read in slices here: it has to fit (R7).
      const large = text.length > limits.unreadFromBytes;
      const fits =
        stream.backlog() + text.length <= limits.oldAnswerBytes &&
        (!large || mayQueue(door.queued, keyId, text.length));
      const slow = () => plain("GW_CLIENT_SLOW", "the call was made, its answer is dropped");
      stream.send(fits ? text : rpcErrorText(slow(), idText));
    },
    end: () => undefined,
  };
}
