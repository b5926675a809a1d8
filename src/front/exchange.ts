/** One request and its one answer: JSON, or an event stream once there is reason for it. */

import type { GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { Handling, Reply } from "../call/incoming.ts";
import type { Pieces } from "../protocol/message.ts";
import { sseComment, sseEvent } from "../protocol/sse.ts";
import type { Peer } from "../runtime/runtime.ts";
import { joined, jsonPieces, rpcError, rpcErrorText } from "./answers.ts";
import { type EventStream, openEventStream, streamHeaders } from "./event-stream.ts";
import type { Accepts } from "./media.ts";

export interface Exchange {
  readonly keyId: string;
  /** Monotonic ms. */
  readonly began: number;
  readonly reply: Reply;
  /** What to hand to the runtime; called once, after the work was begun. */
  response(): Response | Promise<Response>;
  /** The work that `cancel` stops. */
  begun(handling: Handling): void;
  /** The client closed the response: that takes a modern request back, a legacy one goes on. */
  left(): void;
  /** The client takes it back: the answer ends empty. */
  cancel(reason: string): void;
  /** We end it: the work is cancelled and the client told why. */
  fail(error: GatewayError): void;
  /** Once a second: turns slow answers into streams and keeps those alive. */
  tick(now: number): void;
}

export interface ExchangeOptions {
  readonly clock: Clock;
  readonly peer: Peer;
  readonly keyId: string;
  readonly idText: string;
  readonly accepts: Accepts;
  /** A modern client that closes the response takes it back (1.3); a legacy one does not. */
  readonly leavingCancels: boolean;
  /** Once, when the answer is complete or given up. */
  done(exchange: Exchange): void;
}

export function openExchange(options: ExchangeOptions): Exchange {
  const { clock, peer, idText, accepts } = options;
  const began = clock.mono();
  let over = false;
  let answer: Response | undefined;
  let settle: ((response: Response) => void) | undefined;
  let handling: Handling | undefined;
  let stream: EventStream | undefined;
  let cancelled: string | undefined;
  let spokeAt = began;
  let kept = false;

  function give(response: Response): void {
    if (settle === undefined) answer = response;
    else settle(response);
  }
  function finish(): void {
    over = true;
    options.done(exchange);
  }
  function keepOpen(): void {
    if (kept) return;
    kept = true;
    peer.keepOpen();
  }
  function startStream(): EventStream {
    if (stream !== undefined) return stream;
    stream = openEventStream(exchange.left);
    keepOpen();
    give(stream.response);
    return stream;
  }
  function stop(reason: string): void {
    finish();
    cancelled = reason;
    handling?.cancel(reason);
  }

  const exchange: Exchange = {
    keyId: options.keyId,
    began,
    reply: {
      notify(message) {
        if (over || accepts === "json") return;
        const events = startStream();
        // Progress is lossy by nature: a reader who does not read gets none (R7).
        if (events.backlog() > limits.streamBacklogBytes) return;
        events.write(sseEvent(message));
        spokeAt = clock.mono();
      },
      send(status, body) {
        if (over) return;
        finish();
        if (stream !== undefined) {
          stream.write(eventOf(body));
          stream.end();
        } else if (accepts === "events") give(new Response(eventOf(body), onlyEvent));
        else give(jsonPieces(status, body));
      },
    },
    response() {
      if (answer !== undefined) return answer;
      return new Promise<Response>((resolve) => {
        settle = resolve;
      });
    },
    begun(work) {
      handling = work;
      if (cancelled !== undefined) work.cancel(cancelled);
    },
    left() {
      if (options.leavingCancels) exchange.cancel("the client closed the response");
    },
    cancel(reason) {
      if (over) return;
      stop(reason);
      if (stream !== undefined) stream.end();
      // Late answers are not wanted (cancellation, MCP 2025-11-25); the HTTP request needs an end.
      else give(new Response(null, accepts === "json" ? { status: 202 } : onlyEvent));
    },
    fail(error) {
      if (over) return;
      stop(error.code);
      if (stream === undefined) give(rpcError(error, idText));
      else {
        stream.write(sseEvent(rpcErrorText(error, idText)));
        stream.end();
      }
    },
    tick(now) {
      if (stream !== undefined) {
        if (now - spokeAt < limits.heartbeatMs) return;
        if (stream.backlog() > limits.streamBacklogBytes) return;
        stream.write(sseComment(""));
        spokeAt = now;
      } else if (now - began >= limits.answerAsStreamAfterMs) {
        if (accepts === "json") keepOpen();
        else startStream();
      }
    },
  };
  return exchange;
}

const onlyEvent = { headers: streamHeaders };
const decoder = new TextDecoder();

/** JSON may hold line breaks between its tokens, which an event has to carry as lines. */
function eventOf(body: Pieces): string {
  const whole = joined(body);
  return sseEvent(typeof whole === "string" ? whole : decoder.decode(whole));
}
