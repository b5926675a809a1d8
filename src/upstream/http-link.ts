/** A live conversation with a Streamable HTTP server of either era. */

import { fault, type GatewayError } from "../base/errors.ts";
import type { Clock, Random } from "../base/ports.ts";
import { notificationMessage, requestHead, requestTail } from "../protocol/envelope.ts";
import type { Pieces, StrictBody } from "../protocol/message.ts";
import { readUpstream } from "../protocol/strict-json.ts";
import { createAsides } from "./asides.ts";
import { classify } from "./classify.ts";
import { cut, errorCode } from "./handshake.ts";
import { ask, refusalText } from "./http-ask.ts";
import { Call, InFlight, type Owner } from "./http-call.ts";
import type { Connector, Session } from "./http-connect.ts";
import { createLive, headOf } from "./http-live.ts";
import { post, reason } from "./http-post.ts";
import { encodeRequest } from "./http-request.ts";
import { sessionLost } from "./http-session.ts";
import { type HttpTarget, modernFields } from "./http-target.ts";
import type { Link, LinkEvents, Sent } from "./link.ts";
import type { Offer } from "./settings.ts";
import type { UpstreamRequest, UpstreamSink } from "./upstream.ts";

export interface HttpLinkOptions {
  readonly target: HttpTarget;
  readonly connector: Connector;
  readonly session: Session;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: LinkEvents;
  readonly offer: Offer | undefined;
}

/** Resolves when a session whose clients can be asked has its stream, or the server gives none. */
export async function httpLink(options: HttpLinkOptions): Promise<Link> {
  const { target, events } = options;
  const inFlight = new InFlight();
  const asides = createAsides({ ...options, inFlight });
  const live = createLive({ ...options, aside, renewed: asides.renewed, lost });
  let closed = false;
  let checking = false;

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
    inFlight.add(call);
    return call;
  }

  function transmit(call: Call): void {
    const { id, request } = call;
    const { head, session } = live;
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
      case "notification":
        if (!asides.told(message.method, message.params) && !call.over)
          call.sink.notification(message.method, message.params);
        return;
      case "request":
        // 2026-07-28 knows no requests of servers.
        if (live.session.hello.era === "legacy" && !call.over) {
          const used = call.session ?? live.session;
          asides.asked(message, call, (answer) => tell(answer, used));
        }
        return;
      case "odd":
        if (message.id === call.id) fail(call, error("GW_UPSTREAM_ERROR", message.why), true);
    }
  }

  /** What comes on the stream that belongs to no call. */
  function aside(body: StrictBody): void {
    const message = classify(body);
    if (message.kind === "request" && live.session.hello.era === "legacy") {
      asides.asked(message, undefined, (answer) => tell(answer, live.session));
    } else if (message.kind === "notification") {
      const { method, params } = message;
      if (!asides.told(method, params)) asides.astray(method, params);
    }
  }

  /** The server answered with a status other than 2xx: it says that it did not run the call. */
  function refuse(call: Call, status: number, bytes: Uint8Array): void {
    if (call.over) return;
    const used = call.session ?? live.session;
    const read = readUpstream(bytes);
    const body = read.ok ? read.value : undefined;
    if (used.id !== undefined && !call.again && sessionLost(status, bytes)) {
      call.again = true;
      live.renew(used).then(
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

  function error(code: "GW_UPSTREAM_LOST" | "GW_UPSTREAM_ERROR" | "GW_UPSTREAM_DOWN", why: string) {
    return fault(code, { message: `The call to "${target.server}" failed`, cause: cut(why) });
  }

  function finish(call: Call, body: StrictBody): void {
    if (call.over) return;
    done(call, "The call is over");
    events.ailing(undefined);
    call.sink.response(body);
  }

  function fail(call: Call, why: GatewayError, sent: boolean): void {
    if (call.over) return;
    if (sent && call.session === live.session) asides.ghost(call.id);
    done(call, "The call has failed");
    call.sink.failed(why, sent);
  }

  function cancel(call: Call, reason: string): void {
    if (call.over) return;
    call.exchange?.abort();
    const used = call.session ?? live.session;
    if (used.hello.era === "legacy") {
      // For these servers a cut connection is no cancellation.
      const params = JSON.stringify({ requestId: call.id, reason });
      tell([notificationMessage("notifications/cancelled", params)], used);
      if (used === live.session) asides.ghost(call.id);
    }
    done(call, "The call was cancelled");
  }

  function done(call: Call, why: string): void {
    call.over = true;
    inFlight.remove(call);
    asides.over(call, why);
  }

  function tell(message: Pieces, used: Session): void {
    ask(target, options.clock, headOf(target, used), message, 5_000).catch(() => undefined);
  }

  function lost(cause: string): void {
    if (closed) return;
    closed = true;
    live.stop();
    asides.close(cause);
    events.lost(cause);
  }

  if (options.offer !== undefined) await live.opened();
  return {
    get hello() {
      return live.session.hello;
    },
    pid: undefined,
    oneStream: false,
    get stale() {
      return asides.stale;
    },
    send,
    async close() {
      closed = true;
      live.stop();
      const ended = "the gateway ended the connection";
      for (const call of inFlight.all()) {
        call.exchange?.abort();
        fail(call, error("GW_UPSTREAM_LOST", ended), true);
      }
      asides.close(ended);
      await live.end();
    },
  };
}
