/** A live conversation with a Streamable HTTP server of either era. */

import { fault, type GatewayError } from "../base/errors.ts";
import { type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Random } from "../base/ports.ts";
import { notificationMessage } from "../protocol/envelope.ts";
import type { Pieces, StrictBody } from "../protocol/message.ts";
import { type Asides, createAsides } from "./asides.ts";
import { classify } from "./classify.ts";
import { cut } from "./handshake.ts";
import { ask } from "./http-ask.ts";
import { Call, InFlight, type Owner } from "./http-call.ts";
import type { Connector, Session } from "./http-connect.ts";
import { createLive, headOf } from "./http-live.ts";
import { mirroredAnew } from "./http-mirror.ts";
import type { HttpPool } from "./http-pool.ts";
import { reason } from "./http-post.ts";
import { judgeRefusal } from "./http-refusal.ts";
import { createSender } from "./http-send.ts";
import type { HttpTarget } from "./http-target.ts";
import type { Link, LinkEvents, Sent } from "./link.ts";
import { crowd, isOver, lossyKind, readFactor, tellCall } from "./pace.ts";
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
  /** What the handshake took: its stream is waited for about as long. */
  readonly handshakeMs: number;
}

/** Resolves when a session whose clients can be asked has its stream, or the server gives none. */
export async function httpLink(options: HttpLinkOptions): Promise<Link> {
  const { target, events } = options;
  const inFlight = new InFlight();
  const asides = createAsides({ ...options, inFlight });
  const live = createLive({ ...options, aside, renewed, lost, dropped: asides.flood.drop });
  const sender = createSender({ target, clock: options.clock, live });
  const check = createCheck(target.pool, lost);
  const error = failure(target.server);
  let closed = false;
  const tell = createTell(target, options.clock);

  const owner: Owner = {
    receive,
    drops: (call, bytes) => drops(call, bytes, asides, options.clock.mono()),
    refuse,
    cancel,
    ended(call) {
      if (call.over) return; // it comes after the response too
      if (call.wrongId !== undefined) refused(call, wrongId(target.server, call), true);
      else if (!sender.resume(call)) fail(call, error("GW_UPSTREAM_LOST", unanswered), true);
    },
    failed(call, why, sent) {
      if (call.over) return;
      if (!brokeOff(why) || !sender.resume(call)) fail(call, why, sent || call.resumes > 0);
      if (!sent) return lost(why.why);
      events.ailing(why.why);
      check();
    },
  };

  function send(id: number, request: UpstreamRequest, sink: UpstreamSink): Sent {
    const call = new Call(owner, id, request, sink);
    sender.transmit(call);
    inFlight.add(call);
    return call;
  }

  function renewed(): void {
    asides.renewed();
    sender.renewed();
  }

  function receive(call: Call, body: StrictBody): void {
    const message = classify(body);
    switch (message.kind) {
      case "response":
        if (message.id === call.id) finish(call, body);
        else strange(call, body, events);
        return;
      case "notification":
        told(call, message, body.bytes, asides, options.clock.mono());
        return;
      case "request":
        // 2026-07-28 knows no requests of servers.
        if (live.session.hello.era === "legacy" && !call.over) {
          const used = call.session ?? live.session;
          const reply = (answer: Pieces) => tell(answer, used);
          if (!asides.asked(message, call, reply))
            call.exchange?.rest(body.bytes.length * readFactor);
        }
        return;
      case "odd":
        if (message.id === call.id) fail(call, error("GW_UPSTREAM_ERROR", message.why), true);
        else strange(call, body, events);
    }
  }

  /** What comes on the stream that belongs to no call. */
  function aside(body: StrictBody): void {
    const message = classify(body);
    if (message.kind === "request" && live.session.hello.era === "legacy") {
      asides.asked(message, undefined, (answer) => tell(answer, live.session));
    } else if (message.kind === "notification") {
      const { method, params } = message;
      if (asides.told(method, params) === "of a call") asides.astray(method, params);
    }
  }

  /** The server answered with a status other than 2xx: it says that it did not run the call. */
  function refuse(call: Call, status: number, bytes: Uint8Array): void {
    if (call.over) return;
    if (call.resumes > 0) {
      const why = `its answer broke off, and it refuses to go on: HTTP ${status}`;
      fail(call, error("GW_UPSTREAM_LOST", why), true);
      return;
    }
    const used = call.session ?? live.session;
    const refusal = judgeRefusal(call, used, status, bytes);
    if (refusal.kind === "answer") finish(call, refusal.body);
    else if (refusal.kind === "fault")
      refused(call, error("GW_UPSTREAM_ERROR", refusal.cause), refusal.mayHaveRun);
    else if (refusal.kind === "headers") mirrorAgain(call, refusal.cause);
    else if (refusal.kind === "era") {
      options.connector.forget();
      fail(call, error("GW_UPSTREAM_DOWN", refusal.cause), false);
      lost(`${refusal.cause}: it speaks another protocol version now`);
    } else {
      call.again = true;
      live.renew(used).then(
        () => {
          if (!call.over) sender.transmit(call);
        },
        (why: Error) => fail(call, error("GW_UPSTREAM_DOWN", why.message), false),
      );
    }
  }

  /** It did not run: once more with the headers that the newest list asks for (2026-07-28). */
  function mirrorAgain(call: Call, cause: string): void {
    events.listChanged("tools/list");
    const { hello } = live.session;
    const anew = call.again
      ? Promise.resolve(undefined)
      : mirroredAnew(call, { hello, send }, target, options.clock).catch(() => undefined);
    call.again = true;
    void anew.then((headers) => {
      if (call.over) return;
      call.headers = headers;
      if (headers === undefined) refused(call, error("GW_UPSTREAM_ERROR", cause), false);
      else sender.transmit(call);
    });
  }

  function refused(call: Call, why: GatewayError, mayHaveRun: boolean): void {
    fail(call, why, mayHaveRun);
    events.ailing(why.why);
  }

  function finish(call: Call, body: StrictBody): void {
    if (call.over) return;
    done(call, "The call is over");
    events.ailing(undefined);
    call.sink.response(body);
  }

  function fail(call: Call, why: GatewayError, sent: boolean): void {
    if (call.over) return;
    if (sent && call.session === live.session) asides.ghost(call.id, call.owner);
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
      const note = notificationMessage("notifications/cancelled", params);
      tell([note], used, limits.cancelsAtOnce);
      if (used === live.session) asides.ghost(call.id, call.owner);
    }
    done(call, "The call was cancelled");
  }

  function done(call: Call, why: string): void {
    call.over = true;
    inFlight.remove(call);
    asides.over(call, why);
  }

  function lost(cause: string): void {
    if (closed) return;
    closed = true;
    live.stop();
    asides.close(cause);
    events.lost(cause);
  }

  // Many servers send the head of a stream with its first event; its request is there by then.
  const { settleLeastMs, settleMs } = limits;
  const waitMs = Math.min(Math.max(options.handshakeMs, settleLeastMs), settleMs);
  if (options.offer !== undefined) await live.opened(waitMs);
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
    watch: live.watch,
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

const unanswered = "It ended its answer without a response";

function failure(server: string) {
  return (code: "GW_UPSTREAM_LOST" | "GW_UPSTREAM_ERROR" | "GW_UPSTREAM_DOWN", why: string) =>
    fault(code, { message: `The call to "${server}" failed`, cause: cut(why) });
}

/** U17: its own answer may still come; if it does not, this was it. */
function strange(call: Call, { value }: StrictBody, events: LinkEvents): void {
  events.unattributed("answer");
  call.wrongId ??= JSON.stringify(member(value, "id"))?.slice(0, limits.idBytes) ?? "none";
}

function wrongId(server: string, call: Call): GatewayError {
  const cause = cut(`it answered under another id, ${call.wrongId} instead of ${call.id}`);
  const fix =
    "check whether it ran before you repeat it; whoever makes the server must mend its ids: " +
    `authensor-gw servers show ${server} counts such answers`;
  return fault("GW_UPSTREAM_ERROR", { message: `The call to "${server}" failed`, cause, fix });
}

/** A connection broke: is there still a server? One question at a time. */
function createCheck(pool: HttpPool, gone: (cause: string) => void): () => void {
  let checking = false;
  return () => {
    if (checking) return;
    checking = true;
    pool
      .probe()
      .catch((why: Error) => gone(reason(why)))
      .finally(() => {
        checking = false;
      });
  };
}

/** Then it may be read on. What the gateway itself does not take would only come again. */
function brokeOff({ code }: GatewayError): boolean {
  return code === "GW_UPSTREAM_LOST";
}

/** One that takes none of them hangs: what it is told then, it would never read. */
function createTell(target: HttpTarget, clock: Clock) {
  let waiting = 0;
  const over = () => {
    waiting -= 1;
  };
  return (message: Pieces, used: Session, most: number = limits.tellsAtOnce): void => {
    if (waiting >= most) return;
    waiting += 1;
    ask(target, clock, headOf(target, used), message, 5_000).then(over, over);
  };
}

/** U18: what came too fast is counted, and not read. */
function drops(call: Call, bytes: Uint8Array, { flood }: Asides, now: number): boolean {
  const kind = isOver(call, now) ? lossyKind(bytes) : undefined;
  if (kind === undefined && !flood.drops(bytes)) return false;
  if (kind !== undefined && !call.over) crowd(call.sink, kind, bytes);
  call.exchange?.rest(bytes.length);
  return true;
}

function told(
  call: Call,
  { method, params }: { readonly method: string; readonly params: JsonObject },
  bytes: Uint8Array,
  asides: Asides,
  now: number,
): void {
  const what = asides.told(method, params);
  if (what === "dropped") call.exchange?.rest(bytes.length * readFactor);
  else if (what === "of a call" && !call.over) {
    if (!tellCall(call, method, params, bytes, now)) call.exchange?.rest(bytes.length);
  }
}
