/** One request and its one answer: JSON, or an event stream once there is reason for it. */

import { fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Random } from "../base/ports.ts";
import type { Member, Roster } from "../base/roster.ts";
import type { Asked, Handling, Reply } from "../call/incoming.ts";
import type { Pieces, RequestId } from "../protocol/message.ts";
import { sseEvent } from "../protocol/sse.ts";
import type { Peer } from "../runtime/runtime.ts";
import {
  around,
  joined,
  jsonBody,
  jsonPieces,
  plain,
  rpcError,
  rpcErrorText,
  textOf,
} from "./answers.ts";
import { type Channel, openChannel } from "./channel.ts";
import { openEventStream, streamHeaders } from "./event-stream.ts";
import type { Accepts } from "./media.ts";
import { type Outlet, plainOutlet } from "./outlet.ts";
import { ask, closeQuestions } from "./questions.ts";
import type { Session } from "./sessions.ts";
import { tellLost } from "./take-up.ts";
import { countUnread, hasRoom, type Unread, unreadBody } from "./unread.ts";

/** State of one request; only the functions below touch it. One record a call, no closures. */
export interface Exchange extends Member {
  readonly begin: Begin;
  /** Monotonic ms. */
  readonly began: number;
  over: boolean;
  /** Given before anyone asked for it, or taken by `settle`. */
  answer: Response | undefined;
  settle: ((response: Response) => void) | undefined;
  handling: Handling | undefined;
  cancelled: string | undefined;
  stream: Outlet | undefined;
  spokeAt: number;
  kept: boolean;
}

export interface Begin {
  readonly clock: Clock;
  readonly peer: Peer;
  readonly keyId: string;
  readonly id: RequestId;
  readonly idText: string;
  readonly accepts: Accepts;
  /**
   * Of a legacy client, who may lose its stream and come back. A modern one that closes the
   * response takes the request back (1.3).
   */
  readonly session: Session | undefined;
  /** Where its messages leave together with those of others. */
  readonly outlet: Outlet | undefined;
  readonly random: Random;
  /** Where it stands until it is over: all requests; and in `session.calls`. */
  readonly open: Roster<Exchange>;
  /** Where large answers are counted. */
  readonly unread: Unread;
}

export function openExchange(begin: Begin): Exchange {
  const began = begin.clock.mono();
  const exchange: Exchange = {
    place: 0,
    begin,
    began,
    over: false,
    answer: undefined,
    settle: undefined,
    handling: undefined,
    cancelled: undefined,
    stream: begin.outlet,
    spokeAt: began,
    kept: false,
  };
  begin.open.add(exchange);
  begin.session?.calls.add(begin.id, exchange);
  return exchange;
}

/** What the call path answers through. */
export function replyOf(exchange: Exchange): Reply {
  return new ExchangeReply(exchange);
}

/** One object a call, no closures. */
class ExchangeReply implements Reply {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
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
  if (exchange.answer !== undefined) return exchange.answer;
  return new Promise((resolve) => {
    exchange.settle = resolve;
  });
}

/** The work that a cancellation stops; at once, if that came while the work began. */
export function begun(exchange: Exchange, handling: Handling): void {
  exchange.handling = handling;
  if (exchange.cancelled !== undefined) handling.cancel(exchange.cancelled);
}

/** The client closed the response. */
export function clientLeft(exchange: Exchange): void {
  if (exchange.begin.session === undefined) cancel(exchange, "the client closed the response");
}

/** The client takes the request back: the answer ends empty. */
export function cancel(exchange: Exchange, reason: string): void {
  if (exchange.over) return;
  stop(exchange, reason);
  if (exchange.stream !== undefined) exchange.stream.end();
  // A late answer is not wanted (2025-11-25, cancellation), but the HTTP request needs an end.
  else if (exchange.begin.accepts === "json") give(exchange, new Response(null, { status: 202 }));
  else give(exchange, new Response(null, asEvents));
}

/** We end it: the work is cancelled and the client told why. */
export function fail(exchange: Exchange, error: GatewayError): void {
  if (exchange.over) return;
  stop(exchange, error.code);
  const { idText } = exchange.begin;
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
  } else if (now - exchange.began >= patience(exchange.begin)) {
    if (exchange.begin.accepts === "json") keepOpen(exchange);
    else startStream(exchange);
  }
}

/** A client that can come back for its answer is told early how: connections break. */
function patience({ session }: Begin): number {
  return session?.primes === true ? limits.resumableAfterMs : limits.answerAsStreamAfterMs;
}

function notify(exchange: Exchange, message: string): void {
  if (exchange.over || exchange.begin.accepts === "json") return;
  const stream = startStream(exchange);
  // Progress is lossy by nature: a reader who does not read gets none (R7).
  if (stream.backlog() > limits.streamBacklogBytes) return;
  stream.message(message);
  exchange.spokeAt = exchange.begin.clock.mono();
}

function question(exchange: Exchange, method: string, params: Pieces): Asked | undefined {
  const { session, accepts, random } = exchange.begin;
  if (exchange.over || session === undefined || accepts === "json") return undefined;
  const stream = startStream(exchange);
  const tell = (message: string) => stream.message(message);
  return ask(session.questions, { owner: exchange, random, method, params, tell });
}

function send(exchange: Exchange, status: number, body: Pieces, lent?: () => void): void {
  if (exchange.over) {
    lent?.();
    return;
  }
  finish(exchange);
  const size = body.reduce((sum, piece) => sum + piece.length, 0);
  if (size <= limits.unreadFromBytes) sendSmall(exchange, status, body);
  else if (lent !== undefined && sendLent(exchange, status, body, lent)) return;
  else sendLarge(exchange, status, body, size);
  lent?.();
}

/** Large, and not copied: false where it has to be. */
function sendLent(exchange: Exchange, status: number, body: Pieces, lent: () => void): boolean {
  const { unread, keyId, accepts, peer } = exchange.begin;
  if (peer.takesAtOnce !== true || exchange.stream !== undefined || accepts === "events") {
    return false;
  }
  const whole = around(body);
  if (whole === undefined || !hasRoom(unread, keyId, whole.length)) return false;
  give(exchange, jsonBody(status, unreadBody(countUnread(unread, keyId, whole, lent))));
  return true;
}

/** R7: those who do not read what they asked for must not fill the memory. */
function sendLarge(exchange: Exchange, status: number, body: Pieces, size: number): void {
  const { unread, keyId, idText, accepts } = exchange.begin;
  if (!hasRoom(unread, keyId, size)) {
    const error = plain("GW_CLIENT_SLOW", "the call was made, its answer is dropped");
    // With the status of an answer: a client may repeat by itself what it got a 503 for.
    sendSmall(exchange, 200, [rpcErrorText(error, idText)]);
    return;
  }
  if (exchange.stream !== undefined) exchange.stream.last(textOf(body));
  else if (accepts === "events") {
    const answer = countUnread(unread, keyId, encoder.encode(eventOf(body)));
    give(exchange, new Response(unreadBody(answer), asEvents));
  } else {
    const answer = countUnread(unread, keyId, bytesOf(body));
    give(exchange, jsonBody(status, unreadBody(answer)));
  }
}

function sendSmall(exchange: Exchange, status: number, body: Pieces): void {
  if (exchange.stream !== undefined) {
    exchange.stream.last(textOf(body));
  } else if (exchange.begin.accepts === "events") {
    give(exchange, new Response(eventOf(body), asEvents));
  } else give(exchange, jsonPieces(status, body));
}

function give(exchange: Exchange, response: Response): void {
  if (exchange.settle === undefined) exchange.answer = response;
  else exchange.settle(response);
}

function stop(exchange: Exchange, reason: string): void {
  finish(exchange);
  exchange.cancelled = reason;
  exchange.handling?.cancel(reason);
}

function finish(exchange: Exchange): void {
  exchange.over = true;
  if (exchange.kept) exchange.begin.peer.limitIdle();
  const { open, session, id } = exchange.begin;
  open.delete(exchange);
  if (session === undefined) return;
  session.calls.delete(id);
  closeQuestions(session.questions, exchange, overBefore);
}

const overBefore = fault("GW_CANCELLED", { message: "The request is over" });

function startStream(exchange: Exchange): Outlet {
  if (exchange.stream !== undefined) return exchange.stream;
  keepOpen(exchange);
  const { session, unread, keyId } = exchange.begin;
  if (session === undefined) {
    const events = openEventStream(() => clientLeft(exchange));
    exchange.stream = plainOutlet(events, { unread, keyId });
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
  const { unread, keyId, idText } = exchange.begin;
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
  exchange.begin.peer.keepOpen();
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
