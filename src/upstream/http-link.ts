/** A live conversation with a Streamable HTTP server of either era. */

import { fault, type GatewayError } from "../base/errors.ts";
import type { Clock, Random } from "../base/ports.ts";
import { notificationMessage, requestHead, requestTail } from "../protocol/envelope.ts";
import type { Pieces, StrictBody } from "../protocol/message.ts";
import { readUpstream } from "../protocol/strict-json.ts";
import { classify, replyTo } from "./classify.ts";
import { cut, errorCode } from "./handshake.ts";
import { ask, refusalText } from "./http-ask.ts";
import { listenForChanges } from "./http-changes.ts";
import type { Connector, Session } from "./http-connect.ts";
import type { Fields } from "./http-head.ts";
import type { Exchange } from "./http-pool.ts";
import { type PostEvents, post, reason } from "./http-post.ts";
import { encodeRequest } from "./http-request.ts";
import { sessionLost } from "./http-session.ts";
import { type HttpTarget, legacyFields, modernFields } from "./http-target.ts";
import type { KeptStream } from "./kept-stream.ts";
import { changedList, type Link, type LinkEvents, type Sent } from "./link.ts";
import type { UpstreamRequest, UpstreamSink } from "./upstream.ts";

export interface HttpLinkOptions {
  readonly target: HttpTarget;
  readonly connector: Connector;
  readonly session: Session;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: LinkEvents;
}

/** What the calls of a link need of it. */
interface Owner {
  receive(call: Call, body: StrictBody): void;
  refuse(call: Call, status: number, bytes: Uint8Array): void;
  ended(call: Call): void;
  failed(call: Call, why: GatewayError, sent: boolean): void;
  cancel(call: Call, reason: string): void;
}

/** One object a call, told of the answer and able to cancel: no closures on the data path. */
class Call implements PostEvents, Sent {
  readonly #owner: Owner;
  readonly id: number;
  readonly request: UpstreamRequest;
  readonly sink: UpstreamSink;
  exchange: Exchange | undefined;
  /** The session it was sent in last. */
  session: Session | undefined;
  /** It was sent once more after the server had refused its session. */
  again = false;
  over = false;

  constructor(owner: Owner, id: number, request: UpstreamRequest, sink: UpstreamSink) {
    this.#owner = owner;
    this.id = id;
    this.request = request;
    this.sink = sink;
  }

  message(body: StrictBody): void {
    this.#owner.receive(this, body);
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

export function httpLink(options: HttpLinkOptions): Link {
  const { target, events } = options;
  let session = options.session;
  let head = headOf(target, session);
  let renewing: Promise<void> | undefined;
  let closed = false;
  let checking = false;
  let changes: KeptStream | undefined = watch();

  function watch(): KeptStream | undefined {
    return listenForChanges({ ...options, session, lost, renew: () => void renew(session) });
  }

  const owner: Owner = {
    receive,
    refuse,
    cancel,
    ended(call) {
      // It comes after the response too; a fault is not made for nothing.
      if (call.over) return;
      fail(call, error("GW_UPSTREAM_LOST", "It ended its answer without a response"), true);
    },
    failed(call, why, sent) {
      fail(call, why, sent);
      if (!sent) lost(why.why);
      else {
        events.ailing(why.why);
        check();
      }
    },
  };

  function send(id: number, request: UpstreamRequest, sink: UpstreamSink): Sent {
    const call = new Call(owner, id, request, sink);
    transmit(call);
    return call;
  }

  function transmit(call: Call): void {
    const { id, request } = call;
    const { era } = session.hello;
    call.session = session;
    const message = [requestHead(id, request.method), ...request.params(id, era), requestTail];
    const fields =
      era === "modern" ? modernFields(request.method, request.name, request.headers) : "";
    // What a tool answers is passed on as bytes; lists are read whole.
    const cut = request.method === "tools/call";
    call.exchange = post(target, encodeRequest(head + fields, message), call, cut);
  }

  function receive(call: Call, body: StrictBody): void {
    const message = classify(body);
    switch (message.kind) {
      case "response":
        if (message.id === call.id) finish(call, body);
        return;
      case "notification": {
        const list = changedList(message.method);
        if (list !== undefined) events.listChanged(list);
        else if (!call.over) call.sink.notification(message.method, message.params);
        return;
      }
      case "request":
        // 2026-07-28 knows no requests of servers.
        if (session.hello.era === "legacy") tell(replyTo(message));
        return;
      case "odd":
        if (message.id === call.id) fail(call, error("GW_UPSTREAM_ERROR", message.why), true);
    }
  }

  /** The server answered with a status other than 2xx: it says that it did not run the call. */
  function refuse(call: Call, status: number, bytes: Uint8Array): void {
    if (call.over) return;
    const used = call.session ?? session;
    const read = readUpstream(bytes);
    const body = read.ok ? read.value : undefined;
    if (used.id !== undefined && !call.again && sessionLost(status, bytes)) {
      call.again = true;
      renew(used).then(
        () => {
          if (!call.over) transmit(call);
        },
        (why: Error) => fail(call, error("GW_UPSTREAM_DOWN", why.message), false),
      );
      return;
    }
    const code = body === undefined ? undefined : errorCode(body);
    const answers = body !== undefined && classify(body);
    // -32020 and -32022 are about this hop, not about the client's request.
    const ours = code === -32020 || code === -32022;
    if (answers && answers.kind === "response" && answers.id === call.id && !ours) {
      finish(call, answers.body);
      return;
    }
    // A mirrored header is missing: the list that names it is old.
    if (code === -32020) events.listChanged("tools/list");
    const cause = `it answered ${refusalText({ status, body })}`;
    fail(call, error("GW_UPSTREAM_ERROR", cause), status >= 500);
    events.ailing(cause);
  }

  /** A connection broke: is there still a server? */
  function check(): void {
    if (checking || closed) return;
    checking = true;
    target.pool.probe().then(
      () => {
        checking = false;
      },
      (why: Error) => {
        checking = false;
        lost(reason(why));
      },
    );
  }

  /** One new session for all calls that found `used` lost. */
  function renew(used: Session): Promise<void> {
    if (session !== used) return Promise.resolve();
    renewing ??= options.connector.renew().then(
      (fresh) => {
        renewing = undefined;
        if (closed) return;
        session = fresh;
        head = headOf(target, fresh);
        changes?.stop();
        changes = watch();
        events.listChanged("tools/list");
      },
      (why: Error) => {
        renewing = undefined;
        lost(why.message);
        throw why;
      },
    );
    return renewing;
  }

  function error(code: "GW_UPSTREAM_LOST" | "GW_UPSTREAM_ERROR" | "GW_UPSTREAM_DOWN", why: string) {
    return fault(code, { message: `The call to "${target.server}" failed`, cause: cut(why) });
  }

  function finish(call: Call, body: StrictBody): void {
    if (call.over) return;
    call.over = true;
    events.ailing(undefined);
    call.sink.response(body);
  }

  function fail(call: Call, why: GatewayError, sent: boolean): void {
    if (call.over) return;
    call.over = true;
    call.sink.failed(why, sent);
  }

  function cancel(call: Call, reason: string): void {
    if (call.over) return;
    call.over = true;
    call.exchange?.abort();
    if (session.hello.era === "modern") return;
    // For these servers a cut connection is no cancellation.
    const params = JSON.stringify({ requestId: call.id, reason });
    tell(notificationMessage("notifications/cancelled", params));
  }

  function tell(message: string): void {
    const pieces: Pieces = [message];
    ask(target, options.clock, head, pieces, 5_000).catch(() => undefined);
  }

  function lost(cause: string): void {
    if (closed) return;
    closed = true;
    changes?.stop();
    events.lost(cause);
  }

  return {
    get hello() {
      return session.hello;
    },
    pid: undefined,
    send,
    async close() {
      closed = true;
      changes?.stop();
      if (session.id !== undefined) await end(options, session);
    },
  };
}

/** Tells the server that its session is not needed any more; it may not care. */
async function end({ target, clock }: HttpLinkOptions, session: Session): Promise<void> {
  const head = target.deleteHead + legacyFields(session.hello.protocol, session.id);
  await ask(target, clock, head, [], 1_000).catch(() => undefined);
}

function headOf(target: HttpTarget, session: Session): string {
  if (session.hello.era === "modern") return target.postHead;
  return target.postHead + legacyFields(session.hello.protocol, session.id);
}
