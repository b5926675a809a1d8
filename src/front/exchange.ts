/** One request and its one answer: JSON, or an event stream once there is reason for it. */

import type { Identity } from "../access/access.ts";
import { fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Member } from "../base/roster.ts";
import type { Asked, Handling, Incoming, Reply, WatchedResources } from "../call/incoming.ts";
import type { ClientCapabilities } from "../protocol/capabilities.ts";
import type { Era, Pieces, RequestMessage } from "../protocol/message.ts";
import { sseEvent } from "../protocol/sse.ts";
import {
  around,
  joined,
  jsonBody,
  jsonPieces,
  jsonStream,
  plain,
  rpcError,
  rpcErrorText,
  textOf,
} from "./answers.ts";
import { type Channel, openChannel } from "./channel.ts";
import type { Caller, Door } from "./door.ts";
import { openEventStream, streamHeaders } from "./event-stream.ts";
import type { Accepts } from "./media.ts";
import { type Outlet, plainOutlet } from "./outlet.ts";
import { fulfil, promiseOf } from "./promised.ts";
import { ask, closeQuestions } from "./questions.ts";
import { note } from "./refused.ts";
import type { Session } from "./sessions.ts";
import { tellLost } from "./take-up.ts";
import { countUnread, hasRoom, type UnreadAnswer, unreadBody } from "./unread.ts";

/** What the era knows of a request beyond the message; a legacy session is it. */
export type Carried = Pick<
  Incoming,
  "era" | "protocol" | "client" | "capabilities" | "logLevel" | "watched"
>;

/** State of one request; only the functions below touch it. */
export interface Exchange extends Member {
  readonly door: Door;
  readonly caller: Caller;
  readonly message: RequestMessage;
  readonly accepts: Accepts;
  /**
   * Of a legacy client, who may lose its stream and come back. A modern one that closes the
   * response takes the request back (2026-07-28, cancellation).
   */
  readonly session: Session | undefined;
  /** Monotonic ms. */
  readonly began: number;
  over: boolean;
  /** Given before anyone asked for it. */
  answer: Response | undefined;
  /** Somebody asked for it, and it was promised. */
  promised: boolean;
  handling: Handling | undefined;
  cancelled: string | undefined;
  /** As `caller.shared` has it, or once there is reason for one. */
  stream: Outlet | undefined;
  spokeAt: number;
  kept: boolean;
}

/** It stands among all requests and in those of its session until it is over. */
export function openExchange(
  door: Door,
  caller: Caller,
  message: RequestMessage,
  accepts: Accepts,
  session: Session | undefined,
): Exchange {
  const began = door.ports.clock.mono();
  const exchange: Exchange = {
    place: 0,
    door,
    caller,
    message,
    accepts,
    session,
    began,
    over: false,
    answer: undefined,
    promised: false,
    handling: undefined,
    cancelled: undefined,
    stream: caller.shared?.outlet,
    spokeAt: began,
    kept: false,
  };
  door.exchanges.add(exchange);
  session?.calls.add(message.id, exchange);
  return exchange;
}

/** Begins the work, which may be over when this returns. */
export function begin(exchange: Exchange, of: Carried): void {
  const handed = new Handed(exchange, of);
  const handling = exchange.door.ports.handle(handed, handed);
  exchange.handling = handling;
  if (exchange.cancelled !== undefined) handling.cancel(exchange.cancelled);
}

/**
 * What the call path reads of a request and what it answers through: nothing else of the exchange
 * reaches it (F26). One object a call for both, and no closure. `declare`: else each of these would
 * be made undefined before the constructor sets it.
 */
class Handed implements Incoming, Reply {
  readonly #exchange: Exchange;
  declare readonly identity: Identity;
  declare readonly era: Era;
  declare readonly protocol: string;
  declare readonly message: RequestMessage;
  declare readonly transport: "http" | "stdio";
  declare readonly client: Incoming["client"];
  declare readonly capabilities: ClientCapabilities;
  declare readonly logLevel: string | undefined;
  declare readonly watched: WatchedResources | undefined;
  declare readonly session: string;
  declare readonly arrived: number;

  constructor(exchange: Exchange, of: Carried) {
    this.#exchange = exchange;
    this.identity = exchange.caller.identity;
    this.era = of.era;
    this.protocol = of.protocol;
    this.message = exchange.message;
    this.transport = exchange.caller.peer.transport ?? "http";
    this.client = of.client;
    this.capabilities = of.capabilities;
    this.logLevel = of.logLevel;
    this.watched = of.watched;
    this.session = exchange.session?.digest ?? "";
    this.arrived = exchange.began;
  }

  header(name: string): string | null {
    return this.#exchange.caller.request.headers.get(name);
  }

  notify(message: string): void {
    notify(this.#exchange, message);
  }

  ask(method: string, params: Pieces): Asked | undefined {
    return question(this.#exchange, method, params);
  }

  send(status: number, body: Pieces, lent?: () => void): void {
    send(this.#exchange, status, body, lent);
  }
}

/** What to hand to the runtime; asked once, after the work was begun. */
export function responseOf(exchange: Exchange): Response | Promise<Response> {
  const { answer, caller } = exchange;
  if (answer !== undefined) return answer;
  exchange.promised = true;
  return promiseOf(caller);
}

/** The client closed the response. */
export function clientLeft(exchange: Exchange): void {
  if (exchange.session === undefined) cancel(exchange, "the client closed the response");
}

/** The client takes the request back: the answer ends empty. */
export function cancel(exchange: Exchange, reason: string): void {
  if (exchange.over) return;
  stop(exchange, reason);
  if (exchange.stream !== undefined) exchange.stream.end();
  // A late answer is not wanted (2025-11-25, cancellation), but the HTTP request needs an end.
  else if (exchange.accepts === "json") give(exchange, new Response(null, { status: 202 }));
  else give(exchange, new Response(null, asEvents));
}

/** We end it: the work is cancelled and the client told why. */
export function fail(exchange: Exchange, error: GatewayError): void {
  if (exchange.over) return;
  stop(exchange, error.code);
  const { idText } = exchange.message;
  if (exchange.stream === undefined) give(exchange, rpcError(error, idText));
  else {
    exchange.stream.last(rpcErrorText(error, idText));
  }
}

/** Once a second: turns slow answers into streams and keeps those alive. */
export function tick(exchange: Exchange, now: number): void {
  const { stream } = exchange;
  if (stream !== undefined) {
    const full = stream.backlog() > limits.streamBacklogBytes;
    if (full || now - exchange.spokeAt < limits.heartbeatMs) return;
    stream.beat();
    exchange.spokeAt = now;
  } else if (now - exchange.began >= patience(exchange)) {
    if (exchange.accepts === "json") keepOpen(exchange);
    else startStream(exchange);
  }
}

/** A client that can come back for its answer is told early how: connections break. */
function patience({ session }: Exchange): number {
  return session?.primes === true ? limits.resumableAfterMs : limits.answerAsStreamAfterMs;
}

function notify(exchange: Exchange, message: string): void {
  if (exchange.over || exchange.accepts === "json") return;
  const stream = startStream(exchange);
  // Progress is lossy by nature: a reader who does not read gets none (R7).
  if (stream.backlog() > limits.streamBacklogBytes) return;
  stream.message(message);
  exchange.spokeAt = exchange.door.ports.clock.mono();
}

function question(exchange: Exchange, method: string, params: Pieces): Asked | undefined {
  const { session, accepts, door } = exchange;
  if (exchange.over || session === undefined || accepts === "json") return undefined;
  const stream = startStream(exchange);
  const tell = (message: string) => stream.message(message);
  const { random } = door.ports;
  return ask(session.questions, { owner: exchange, random, method, params, tell });
}

function send(exchange: Exchange, status: number, body: Pieces, lent?: () => void): void {
  if (exchange.over) {
    lent?.();
    return;
  }
  finish(exchange);
  let size = 0;
  for (const piece of body) size += piece.length;
  if (size <= limits.unreadFromBytes) sendSmall(exchange, status, body);
  else if (lent !== undefined && sendLent(exchange, status, body, lent)) return;
  else sendLarge(exchange, status, body, size);
  lent?.();
}

/** Large, and not copied: false where it has to be. */
function sendLent(exchange: Exchange, status: number, body: Pieces, lent: () => void): boolean {
  const { door, accepts, caller } = exchange;
  const { unread } = door;
  const { keyId } = caller.identity;
  if (caller.peer.takesAtOnce !== true || exchange.stream !== undefined || accepts === "events") {
    return false;
  }
  const whole = around(body);
  if (whole === undefined || !hasRoom(unread, keyId, whole.length)) return false;
  giveUnread(exchange, status, countUnread(unread, keyId, whole, lent));
  return true;
}

/** R7: those who do not read what they asked for must not fill the memory. */
function sendLarge(exchange: Exchange, status: number, body: Pieces, size: number): void {
  const { door, caller, message, accepts } = exchange;
  const { unread } = door;
  const { keyId } = caller.identity;
  if (!hasRoom(unread, keyId, size)) {
    const error = plain("GW_CLIENT_SLOW", "the call was made, its answer is dropped");
    // With the status of an answer: a client may repeat by itself what it got a 503 for.
    sendSmall(exchange, 200, [rpcErrorText(error, message.idText)]);
    return;
  }
  if (exchange.stream !== undefined) exchange.stream.last(textOf(body));
  else if (accepts === "events") {
    const answer = countUnread(unread, keyId, encoder.encode(eventOf(body)));
    give(exchange, new Response(unreadBody(answer), asEvents));
  } else {
    giveUnread(exchange, status, countUnread(unread, keyId, bytesOf(body)));
  }
}

/** Its client alone reads it: for who reads a copy, it would be kept and not counted (R7). */
function giveUnread(exchange: Exchange, status: number, answer: UnreadAnswer): void {
  exchange.caller.refused = true;
  const body = unreadBody(answer);
  const saysLength = exchange.caller.peer.takesAtOnce === true;
  give(exchange, saysLength ? jsonStream(status, body, answer.size) : jsonBody(status, body));
}

function sendSmall(exchange: Exchange, status: number, body: Pieces): void {
  if (exchange.stream !== undefined) {
    exchange.stream.last(textOf(body));
  } else if (exchange.accepts === "events") {
    give(exchange, new Response(eventOf(body), asEvents));
  } else {
    const { peer, request } = exchange.caller;
    const done = status === 200 ? peer.sendJson?.(request, body) : undefined;
    give(exchange, done ?? jsonPieces(status, body));
  }
}

function give(exchange: Exchange, response: Response): void {
  if (!exchange.promised) {
    exchange.answer = response;
    return;
  }
  note(exchange.door, exchange.caller, response);
  fulfil(exchange.caller, response);
}

function stop(exchange: Exchange, reason: string): void {
  finish(exchange);
  exchange.cancelled = reason;
  exchange.handling?.cancel(reason);
}

function finish(exchange: Exchange): void {
  exchange.over = true;
  const { door, caller, session, message, kept } = exchange;
  if (kept) caller.peer.limitIdle(caller.request);
  door.exchanges.delete(exchange);
  if (session === undefined) return;
  session.calls.delete(message.id);
  closeQuestions(session.questions, exchange, overBefore);
}

const overBefore = fault("GW_CANCELLED", { message: "The request is over" });

function startStream(exchange: Exchange): Outlet {
  if (exchange.stream !== undefined) return exchange.stream;
  keepOpen(exchange);
  const { session, door, caller } = exchange;
  if (session === undefined) {
    const events = openEventStream(() => clientLeft(exchange));
    exchange.stream = plainOutlet(events, { unread: door.unread, keyId: caller.identity.keyId });
    give(exchange, events.response);
    return exchange.stream;
  }
  const channel = channelOf(exchange, session);
  const events = openEventStream(() => channel.lost(events));
  exchange.stream = channel;
  channel.connect(events, 0);
  tellLost(session, channel);
  give(exchange, events.response);
  return channel;
}

function channelOf(exchange: Exchange, session: Session): Channel {
  const { unread } = exchange.door;
  const { keyId } = exchange.caller.identity;
  const { idText } = exchange.message;
  return openChannel({
    ...{ unread, keyId, idText, shelf: session.shelf, primes: session.primes },
    // The call goes on: only what needs its client has no hope any more.
    abandoned: () => closeQuestions(session.questions, exchange, gone),
  });
}

const gone = fault("GW_CLIENT_GONE", { message: "The client lost its stream and stayed away" });

/** The idle limit of connections is for those who send slowly, not for those who wait (R5). */
function keepOpen(exchange: Exchange): void {
  if (exchange.kept) return;
  exchange.kept = true;
  const { peer, request } = exchange.caller;
  peer.keepOpen(request);
}

const asEvents = { headers: streamHeaders };
const encoder = new TextEncoder();

/** A copy: the memory the pieces came in is given back before this is sent. */
function bytesOf(body: Pieces): Uint8Array<ArrayBuffer> {
  const whole = joined(body);
  return typeof whole === "string" ? encoder.encode(whole) : whole;
}

/** JSON may hold line breaks between its tokens, which an event has to carry as lines. */
function eventOf(body: Pieces): string {
  return sseEvent(textOf(body));
}
