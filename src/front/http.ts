/** The HTTP door: what every request has to pass before anything is read of it. */

import type { HttpRequest } from "../base/http-request.ts";
import { limits } from "../base/limits.ts";
import { Roster } from "../base/roster.ts";
import type { Peer } from "../runtime/runtime.ts";
import { admit } from "./admit.ts";
import { httpError, plain, plainError, rpcError } from "./answers.ts";
import { endSlowBodies } from "./body.ts";
import { internal } from "./carry.ts";
import { createCrowd } from "./crowd.ts";
import { type Answer, type Caller, type Door, nobody } from "./door.ts";
import { endSession, keepChange } from "./end-session.ts";
import { fail, tick } from "./exchange.ts";
import { deleteSession, getStream } from "./get.ts";
import { headOf, type RequestHead } from "./head.ts";
import { createHostGuard, type HostGuard } from "./hosts.ts";
import { openOldStream, postMessage } from "./old-sse.ts";
import { metricsPage, page } from "./pages.ts";
import type { FrontPorts } from "./ports.ts";
import { answerPosted, post } from "./post.ts";
import { createQueued } from "./queued.ts";
import { noted } from "./refused.ts";
import { createReplay, sweepReplay } from "./replay.ts";
import { createSessions } from "./sessions.ts";
import { createStreams } from "./streams.ts";
import { changedElsewhere } from "./take-up.ts";
import { createUnread, endStalled } from "./unread.ts";
import { createWatchers } from "./watched.ts";

export interface HttpFront {
  /** Answers one HTTP request; never throws. */
  handle(request: HttpRequest, peer: Peer): Response | Promise<Response>;
  /** The answer to what is no request (GW_HTTP). */
  malformed(status: number, why: string): Response;
  /**
   * Told of each request that was refused, beside its answer; there is one listener. undefined: it
   * was none.
   */
  onRefused(listener: (request: HttpRequest | undefined, response: Response) => void): void;
  status(): FrontStatus;
  /** Refuses new requests, ends idle streams; calls in flight go on. */
  drain(): void;
  /** Ends everything at once. */
  close(): void;
}

export interface FrontStatus {
  readonly sessions: number;
  /** Open GET and subscriptions/listen streams. */
  readonly streams: number;
  /** Requests without an answer yet. */
  readonly inFlight: number;
  /** Of large answers whose clients have not read all of them. */
  readonly unreadBytes: number;
}

export function createHttpFront(ports: FrontPorts): HttpFront {
  const guard = createHostGuard(() => ports.hosts, ports.ports);
  const { clock, random } = ports;
  const replay = createReplay(clock, random);
  const unread = createUnread(clock);
  const watchers = createWatchers(ports);
  const door: Door = {
    ports,
    replay,
    sessions: createSessions({
      ...{ clock, random, replay, watchers, sealer: ports.sealer },
      unwatch: (uri) => ports.resources.unwatch(uri),
      changed: (session, patch) => keepChange({ ports }, session, patch),
    }),
    watchers,
    oldStreams: new Map(),
    takenUp: new Map(),
    ended: new Set(),
    streams: createStreams({ ...ports, unread }),
    exchanges: new Roster(),
    bodies: new Roster(),
    unread,
    queued: createQueued(clock),
    draining: false,
    refused: undefined,
  };
  const failed = (thrown: unknown) => rpcError(internal(door, thrown));
  const answer = (caller: Caller) => {
    try {
      return enter(door, guard, caller);
    } catch (thrown) {
      return failed(thrown);
    }
  };
  const crowd = createCrowd<Caller>(door.exchanges, (one) => noted(door, one, answer(one)));
  const stopTicking = tickEach(door);
  const stopListening = ports.onListChange((changed) => {
    for (const identity of door.streams.identities()) {
      door.streams.refresh(identity, changed).catch(failed);
    }
  });
  const stopWatching = ports.resources.onUpdated((uri, params) => watchers.updated(uri, params));
  const stopFollowing = ports.sessionStates.onChange((state) => {
    const over = changedElsewhere(door, state);
    if (over !== undefined) endSession(door, over);
  });
  ports.access.onGone((keyIds) => {
    for (const keyId of keyIds) endKey(door, keyId);
  });

  return {
    handle: (request, peer) => crowd(arrived(request, peer)),
    malformed(status, why) {
      const answered = httpError(status, why);
      door.refused?.(undefined, answered);
      return answered;
    },
    onRefused(listener) {
      door.refused = listener;
    },
    status: () => ({
      sessions: door.sessions.size,
      streams: door.streams.size,
      inFlight: door.exchanges.size,
      unreadBytes: door.unread.total,
    }),
    drain() {
      door.draining = true;
      door.streams.endAll();
    },
    close() {
      door.draining = true;
      stopTicking();
      stopListening();
      stopWatching();
      stopFollowing();
      door.streams.endAll();
      for (const exchange of [...door.exchanges]) fail(exchange, plain("GW_DRAINING"));
      door.sessions.clear();
    },
  };
}

function arrived(request: HttpRequest, peer: Peer): Caller {
  return {
    identity: nobody,
    request,
    head: headOf(request),
    peer,
    shared: undefined,
    refused: false,
    promise: undefined,
    settle: undefined,
    awaited: false,
  };
}

/** Host, Origin, path, key, role: in this order, each before anything of the next is looked at. */
function enter(door: Door, guard: HostGuard, caller: Caller): Answer {
  const { request, peer, head } = caller;
  // No browser and no other machine reaches the socket of stdio clients.
  if (peer.transport !== "stdio" && head.passed !== guard.state()) {
    const host = guard.host(head.host);
    if (host !== "ours") {
      return plainError(plain(host === "foreign" ? "GW_HOST" : "GW_HEADER", hostCause[host]));
    }
    if (!guard.origin(head.origin)) return plainError(plain("GW_ORIGIN"));
    head.passed = guard.state();
  }
  const answer = head.answer ?? answerTo(head);
  if (answer === undefined) {
    const { path, method } = head;
    if (path === "/metrics") return metricsPage(request, door.ports);
    return page(path, method, door.ports.ready);
  }
  const identity = admit(door, caller);
  if (identity instanceof Response) return identity;
  caller.identity = identity;
  return answer(door, caller);
}

/** undefined: for this path nobody needs a key. */
function answerTo(head: RequestHead): RequestHead["answer"] {
  const route = routes.get(head.path);
  if (route === undefined) return undefined;
  const allow = [...route.keys()].join(", ");
  head.answer =
    route.get(head.method) ?? (() => plainError(plain("GW_METHOD_NOT_ALLOWED"), { allow }));
  return head.answer;
}

const hostCause = {
  foreign: "this guards against DNS rebinding",
  malformed: "Host must be sent once, as name or name:port",
} as const;

type Route = ReadonlyMap<string, (door: Door, caller: Caller) => Answer>;

/** What needs an executor's key. */
const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  [
    "/mcp",
    new Map([
      ["POST", (door, caller) => post(door, caller, answerPosted)],
      ["GET", getStream],
      ["DELETE", deleteSession],
    ]),
  ],
  ["/sse", new Map([["GET", openOldStream]])],
  ["/messages", new Map([["POST", (door, caller) => post(door, caller, postMessage)]])],
]);

/** A key that is no more takes its streams, sessions and calls with it (F11). */
function endKey(door: Door, keyId: string): void {
  // Calls first: they are told why.
  const ended = plain("GW_KEY_REVOKED", "a call that had reached its server may have run");
  for (const exchange of [...door.exchanges]) {
    if (exchange.caller.identity.keyId === keyId) fail(exchange, ended);
  }
  door.streams.endKey(keyId);
  for (const session of door.sessions.ofKey(keyId)) door.sessions.end(session);
}

/** One timer for everything that waits. */
function tickEach(door: Door): () => void {
  const { clock } = door.ports;
  let cancel = () => {};
  const look = () => {
    const now = clock.mono();
    for (const exchange of door.exchanges) tick(exchange, now);
    endSlowBodies(door.bodies, now);
    endStalled(door.unread, now);
    sweepReplay(door.replay, now);
    door.streams.tick(now);
    for (const session of door.sessions.expired()) endSession(door, session);
    cancel = clock.after(limits.frontTickMs, look);
  };
  cancel = clock.after(limits.frontTickMs, look);
  return () => cancel();
}
