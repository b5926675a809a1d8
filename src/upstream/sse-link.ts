/**
 * A live conversation with an HTTP+SSE server (2024-11-05): all that it says comes on one stream,
 * as from a child; all that it is told is posted to the address that the stream names first. Own
 * code, as the SDK's transport would dial by itself: past the checks of addresses (U1, U2), with
 * redirects (U3), and without limits.
 */

import { member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { Pieces } from "../protocol/message.ts";
import { isRefusal } from "./http-ask.ts";
import { Exchange } from "./http-exchange.ts";
import { post, reason } from "./http-post.ts";
import type { OutgoingRequest } from "./http-request.ts";
import type { HttpTarget } from "./http-target.ts";
import { ConnectError, type Link, type LinkEvents } from "./link.ts";
import { createLogLevel } from "./log-level.ts";
import type { Offer } from "./settings.ts";
import { createTalk, type Talk, type Wire } from "./stdio-link.ts";
import { initializeTalk, pause, settle } from "./talk-ask.ts";

export interface SseLinkOptions {
  readonly target: HttpTarget;
  readonly clock: Clock;
  readonly events: LinkEvents;
  readonly offer: Offer | undefined;
}

/** Rejects with ConnectError. */
export async function sseLink(options: SseLinkOptions): Promise<Link> {
  const { target, clock, events, offer } = options;
  const endpoint = Promise.withResolvers<string>();
  endpoint.promise.catch(() => undefined);
  let over: string | undefined;
  let live = false;
  const talk = createTalk({
    ...{ server: target.server, limits: target.limits, clock, events },
    process: () => wire,
  });
  let wire: Posts = noPosts;

  function end(cause: string, refused = false): void {
    if (over !== undefined) return;
    over = cause;
    stream.abort();
    wire.close();
    endpoint.reject(new ConnectError(cause, refused));
    talk.ended(cause);
    if (live) events.lost(cause);
  }

  const stop = clock.after(limits.handshakeMs, () => {
    end(`it named no endpoint within ${limits.handshakeMs} ms`);
  });
  const stream: Exchange = post(
    target,
    { headText: target.getHead, body: undefined },
    {
      named(name, data) {
        if (name === "endpoint") endpoint.resolve(Buffer.from(data).toString("utf8"));
        // A copy: the answer is kept longer than the event.
        else if (name === "message" && data.length > 0) talk.line(new Uint8Array(data));
        return true;
      },
      message: () => undefined,
      refused: (status) => end(`it answers GET with HTTP ${status}`),
      end: () => end("it ended its event stream"),
      failed: (error, sent, cause) => end(error.why, !sent && isRefusal(cause)),
    },
  );
  try {
    const head = target.postHeadOf(addressOf(await endpoint.promise, target.url));
    wire = posts(target, head, {
      fail: end,
      rest: (bytes) => stream.rest(bytes),
      undelivered: talk.undelivered,
    });
    const hello = await initializeTalk(talk, clock, target.identity, offer);
    talk.level = createLogLevel(member(hello.capabilities, "logging") !== undefined);
    talk.notify("notifications/initialized");
    // What is posted later may arrive earlier.
    await Promise.race([wire.empty(), pause(clock, limits.settleMs)]);
    if (offer?.shared === true) await settle(talk, clock);
    if (over !== undefined) throw new ConnectError(over);
    live = true;
    return {
      ...{ hello, pid: undefined, oneStream: true, send: talk.send },
      get stale() {
        return talk.stale();
      },
      watch: async () => new Set(),
      async close() {
        live = false;
        end("the gateway ended the connection");
      },
    };
  } catch (error) {
    end("the handshake failed");
    throw error;
  } finally {
    stop();
  }
}

interface Posts extends Wire {
  /** All messages have been taken. */
  empty(): Promise<void>;
  close(): void;
}

const noPosts: Posts = {
  write: () => 0,
  answered: () => undefined,
  backlog: () => 0,
  fail: () => undefined,
  rest: () => undefined,
  empty: async () => undefined,
  close: () => undefined,
};

interface PostedEvents {
  fail(cause: string): void;
  rest(bytes: number): void;
  readonly undelivered: Talk["undelivered"];
}

/** Each message is a POST of its own; its answer says only whether it was taken. */
function posts(target: HttpTarget, head: string, on: PostedEvents): Posts {
  const open = new Set<Posted>();
  let place = 0;
  let waiting = 0;
  let told: (() => void)[] = [];

  function write(parts: Pieces): number {
    place += 1;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const posted = new Posted({ headText: head, body: parts }, place, bytes, on, over);
    open.add(posted);
    waiting += bytes;
    target.pool.send(posted);
    return place;
  }

  function over(posted: Posted): void {
    if (open.delete(posted)) waiting -= posted.bytes;
    if (open.size > 0) return;
    for (const tell of told) tell();
    told = [];
  }

  return {
    write,
    answered: () => undefined,
    backlog: () => waiting,
    fail: on.fail,
    rest: on.rest,
    empty: () =>
      open.size === 0 ? Promise.resolve() : new Promise((resolve) => told.push(resolve)),
    close() {
      for (const exchange of open) exchange.abort();
    },
  };
}

class Posted extends Exchange {
  readonly bytes: number;
  readonly #place: number;
  readonly #on: PostedEvents;
  readonly #over: (posted: Posted) => void;
  #status = 0;

  constructor(
    request: OutgoingRequest,
    place: number,
    bytes: number,
    on: PostedEvents,
    over: (posted: Posted) => void,
  ) {
    super(request);
    this.bytes = bytes;
    this.#place = place;
    this.#on = on;
    this.#over = over;
  }

  head(status: number): void {
    this.#status = status;
  }

  body(): void {
    // Its status says all that matters.
  }

  end(): void {
    this.#over(this);
    const status = this.#status;
    const cause = `it answers a POST with HTTP ${status}`;
    // The session is the stream's: one that is unknown does not come back.
    if (status === 404 || status === 410) this.#on.fail(cause);
    else if (status >= 300) this.#on.undelivered(this.#place, cause, status >= 500);
  }

  failed(error: Error, sent: boolean): void {
    this.#over(this);
    this.#on.undelivered(this.#place, reason(error), sent);
  }
}

/** Only an address of the same origin: nobody may have what is posted sent elsewhere (U3). */
function addressOf(text: string, url: URL): URL {
  const address = URL.canParse(text, url.href) ? new URL(text, url.href) : undefined;
  if (address === undefined || address.origin !== url.origin || address.username !== "") {
    throw new ConnectError("the endpoint that it names is not at its own origin");
  }
  return address;
}
