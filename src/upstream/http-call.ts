/** One request to an HTTP server on its way, and all that are. */

import type { GatewayError } from "../base/errors.ts";
import type { Pieces, StrictBody } from "../protocol/message.ts";
import type { Session } from "./http-connect.ts";
import type { Exchange } from "./http-exchange.ts";
import type { Fields } from "./http-head.ts";
import type { PostEvents } from "./http-post.ts";
import type { OutgoingRequest } from "./http-request.ts";
import type { Sent } from "./link.ts";
import type { Pace, Paced } from "./pace.ts";
import type { UpstreamRequest, UpstreamSink } from "./upstream.ts";

/** What the calls of a link need of it. */
export interface Owner {
  receive(call: Call, body: StrictBody): void;
  /** Whether it is one notification too many, which is not read. */
  drops(call: Call, bytes: Uint8Array): boolean;
  refuse(call: Call, status: number, bytes: Uint8Array): void;
  ended(call: Call): void;
  failed(call: Call, why: GatewayError, sent: boolean): void;
  cancel(call: Call, reason: string): void;
}

/**
 * One object a call, which is what is sent, told of the answer and able to cancel: no closures on
 * the data path.
 */
export class Call implements OutgoingRequest, PostEvents, Sent, Paced {
  readonly #owner: Owner;
  readonly id: number;
  readonly request: UpstreamRequest;
  readonly sink: UpstreamSink;
  /** As it is sent next. */
  headText = "";
  opening = "";
  between = "";
  body: Pieces | undefined;
  closing = "";

  exchange: Pick<Exchange, "abort" | "rest"> | undefined;
  /** The session it was sent in last. */
  session: Session | undefined;
  /** It was sent once more after the server had refused its session. */
  again = false;
  over = false;
  /** Instead of the request's own: by a newer list. */
  headers: UpstreamRequest["headers"] | undefined;
  /** Of its stream: where it can be resumed, how long to wait first, and what was tried. */
  lastEvent: string | undefined;
  retryMs: number | undefined;
  resumedAfter: string | undefined;
  resumes = 0;
  /** The id of an answer that came instead of its own, as JSON (U17). */
  wrongId: string | undefined;
  pace: Pace | undefined;
  /** Its neighbours among those in flight: a list without an allocation for each call. */
  before: Call | undefined;
  after: Call | undefined;

  constructor(owner: Owner, id: number, request: UpstreamRequest, sink: UpstreamSink) {
    this.#owner = owner;
    this.id = id;
    this.request = request;
    this.sink = sink;
  }

  get of(): UpstreamRequest {
    return this.request;
  }

  get owner(): string | undefined {
    return this.request.origin?.keyId;
  }

  message(body: StrictBody): void {
    this.#owner.receive(this, body);
  }

  named(_name: string, data: Uint8Array): boolean {
    return this.#owner.drops(this, data);
  }

  event(id: string | undefined, retryMs: number | undefined): void {
    if (id !== undefined && id !== "") this.lastEvent = id;
    this.retryMs = retryMs ?? this.retryMs;
  }

  refused(status: number, _fields: Fields, body: Uint8Array): void {
    this.#owner.refuse(this, status, body);
  }

  end(): void {
    this.#owner.ended(this);
  }

  failed(error: GatewayError, sent: boolean): void {
    this.#owner.failed(this, error, sent);
  }

  cancel(reason: string): void {
    this.#owner.cancel(this, reason);
  }
}

/** The calls of one link that have not ended. */
export class InFlight {
  #first: Call | undefined;

  add(call: Call): void {
    call.after = this.#first;
    if (this.#first !== undefined) this.#first.before = call;
    this.#first = call;
  }

  /** Once a call. */
  remove(call: Call): void {
    const { before, after } = call;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after !== undefined) after.before = before;
    call.before = call.after = undefined;
  }

  all(): readonly Call[] {
    const calls: Call[] = [];
    for (let call = this.#first; call !== undefined; call = call.after) calls.push(call);
    return calls;
  }

  any(): boolean {
    return this.#first !== undefined;
  }

  /** The only one; undefined when there is none, or more. */
  sole(): Call | undefined {
    return this.#first?.after === undefined ? this.#first : undefined;
  }
}
