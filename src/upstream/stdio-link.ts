/** A live conversation on one stream: of a child, or of an HTTP+SSE server. */

import { type ErrorCode, fault } from "../base/errors.ts";
import { isObject, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { Registry } from "../base/roster.ts";
import { sizeText } from "../base/units.ts";
import {
  errorMessage,
  notificationMessage,
  requestHead,
  requestTail,
} from "../protocol/envelope.ts";
import type { Era, Pieces, StrictBody } from "../protocol/message.ts";
import { readUpstream } from "../protocol/strict-json.ts";
import { createAsides } from "./asides.ts";
import { acknowledgedResources } from "./change-stream.ts";
import type { ServerProcess } from "./child-process.ts";
import { classify, progressId } from "./classify.ts";
import { cut } from "./handshake.ts";
import type { LinkEvents, Sent } from "./link.ts";
import { createLogLevel, type LogLevel } from "./log-level.ts";
import {
  crowd,
  inPace,
  isLossy,
  isOver,
  lossyKind,
  type Paced,
  readFactor,
  tellCall,
  tokenOf,
} from "./pace.ts";
import type { ResultLimit } from "./settings.ts";
import { resultTooLarge } from "./too-large.ts";
import type { UpstreamRequest, UpstreamSink } from "./upstream.ts";

/** The conversation before and after its handshake. */
export interface Talk {
  era: Era;
  level: LogLevel;
  send(id: number, request: UpstreamRequest, sink: UpstreamSink): Sent;
  notify(method: string): void;
  /** As Link.stale. */
  stale(): boolean;
  /** One line of the child. */
  line(bytes: Uint8Array): void;
  /** What was written to this place did not get there. */
  undelivered(place: number, cause: string, mayHaveRun: boolean): void;
  /** The child is gone: all in flight fails. */
  ended(cause: string): void;
}

export interface TalkOptions {
  readonly server: string;
  readonly limits: ResultLimit;
  readonly process: () => Wire;
  readonly clock: Clock;
  readonly events: Pick<
    LinkEvents,
    "dropped" | "listChanged" | "stderr" | "unattributed" | "updated"
  >;
}

/** What carries messages to the server. */
export type Wire = Pick<ServerProcess, "write" | "answered" | "backlog" | "fail" | "rest">;

interface Waiting extends Paced {
  readonly request: UpstreamRequest;
  readonly sink: UpstreamSink;
  readonly place: number;
  readonly owner: string | undefined;
  readonly listens: boolean;
}

export function createTalk(options: TalkOptions): Talk {
  const inFlight = new Registry<number, Waiting>();
  const asides = createAsides({
    ...{ clock: options.clock, events: options.events },
    inFlight: { any: () => inFlight.size > 0, sole },
  });
  /** Streams of changes that were ended and not answered yet. */
  const unlistened = lastIds();
  const problem = (code: ErrorCode, cause: string) => problemOf(options.server, code, cause);
  /** All of its notifications: while they are few, none is looked at before it is read. */
  const all: Paced = { pace: undefined };
  let over = false;
  let [skipped, strays] = [0, 0];

  function send(id: number, request: UpstreamRequest, sink: UpstreamSink): Sent {
    if (over) throw problem("GW_UPSTREAM_DOWN", "the process has ended");
    const child = options.process();
    if (child.backlog() > limits.childBacklogBytes) {
      throw notRead(options.server);
    }
    if (request.origin?.logLevel !== undefined && talk.era === "legacy") {
      const raise = talk.level.raise(request.origin.logLevel);
      if (raise !== undefined) child.write(raise);
    }
    const params = request.params(id, talk.era);
    const place = child.write([requestHead(id, request.method), ...params, requestTail]);
    const owner = request.origin?.keyId;
    const listens = request.method === "subscriptions/listen";
    const waiting = { request, sink, place, owner, listens, pace: undefined };
    inFlight.add(id, waiting);
    return {
      cancel(reason) {
        if (!inFlight.delete(id) || over) return;
        if (listens) unlistened.add(id);
        else asides.ghost(id, owner);
        const params = JSON.stringify({ requestId: id, reason });
        child.write([notificationMessage("notifications/cancelled", params)]);
        asides.over(waiting, "The call was cancelled");
      },
    };
  }

  /** Only ids in flight are answered, and once (U17). */
  function take(id: number | undefined): UpstreamSink | undefined {
    if (id === undefined) return undefined;
    const call = inFlight.get(id);
    if (call === undefined) {
      // A stream that was ended is answered to say so.
      if (!unlistened.delete(id)) asides.late(id);
      return undefined;
    }
    strays = 0;
    inFlight.delete(id);
    options.process().answered(call.place);
    asides.over(call, "The call is over");
    return call.sink;
  }

  /** A program that writes only this is no MCP server, and reading it costs every other one. */
  function stray(): void {
    if (++strays !== limits.childStrayLines) return;
    options.process().fail(`it wrote ${strays} lines to its stdout that are no MCP messages`);
  }

  /** The stream of changes is no call: nothing else is said on behalf of it. */
  function sole(): Waiting | undefined {
    let only: Waiting | undefined;
    for (const call of inFlight.values()) {
      if (call.listens) continue;
      if (only !== undefined) return undefined;
      only = call;
    }
    return only;
  }

  function reply(answer: Pieces): void {
    if (over || options.process().backlog() > limits.childBacklogBytes) return;
    options.process().write(answer);
  }

  function dropsNote(bytes: Uint8Array): boolean {
    const now = options.clock.mono();
    const kind = isOver(all, now) ? lossyKind(bytes) : undefined;
    if (kind === undefined) return false;
    const id = tokenOf(bytes);
    const call = id === undefined ? sole() : inFlight.get(id);
    if (call !== undefined) return dropsOfCall(call, kind, bytes, now);
    // Progress of a call that is over, or a line of nobody knows which.
    if (id === undefined) options.events.unattributed("log");
    return true;
  }

  function told(method: string, params: JsonObject, bytes: Uint8Array): void {
    if (isLossy(method) && !inPace(all, options.clock.mono())) options.process().rest(bytes.length);
    const id = progressId(method, params) ?? listenId(method, params);
    const call = id === undefined ? undefined : inFlight.get(id);
    if (call !== undefined) tellCall(call, method, params, bytes, options.clock.mono());
    else if (id !== undefined) return;
    else {
      const what = asides.told(method, params);
      if (what === "dropped") restRead(bytes);
      else if (what === "of a call") asides.astray(method, params);
    }
  }

  const restRead = ({ length }: Uint8Array) => options.process().rest(length * readFactor);

  function line(bytes: Uint8Array): void {
    if (strays >= limits.childStrayLines) return;
    if (dropsNote(bytes) || asides.flood.drops(bytes)) {
      options.process().rest(bytes.length);
      return;
    }
    const read = readUpstream(bytes);
    if (!read.ok) {
      unreadable(bytes, read.error.message);
      return;
    }
    if (bytes.length > options.limits.resultBytes) tooLarge(read.value);
    else receive(read.value);
  }

  function receive(body: StrictBody): void {
    const message = classify(body);
    switch (message.kind) {
      case "response": {
        const sink = take(message.id);
        if (sink === undefined) stray();
        else sink.response(message.body);
        return;
      }
      case "notification":
        told(message.method, message.params, body.bytes);
        return;
      case "request":
        // 2026-07-28 knows no requests of servers.
        if (talk.era === "legacy" && !asides.asked(message, undefined, reply)) {
          restRead(body.bytes);
        }
        return;
      case "odd": {
        const sink = take(message.id);
        if (message.id === undefined && hasId(body)) asides.late(undefined);
        if (sink === undefined) stray();
        else sink.failed(problem("GW_UPSTREAM_ERROR", message.why), true);
      }
    }
  }

  /** Servers print to stdout what does not belong there (U16): skipped, counted, shown. */
  function unreadable(bytes: Uint8Array, why: string): void {
    const sink = take(idOf(bytes));
    if (sink !== undefined) {
      sink.failed(problem("GW_UPSTREAM_ERROR", `its answer cannot be read: ${why}`), true);
      return;
    }
    skipped += 1;
    stray();
    const text = Buffer.from(bytes.subarray(0, 200)).toString("utf8");
    options.events.stderr(`(stdout, not a message, the ${skipped}. such line) ${text}`);
  }

  function tooLarge(body: StrictBody): void {
    const message = classify(body);
    if (message.kind === "request") {
      reply([errorMessage(message.idText, -32603, "The request is too large")]);
    }
    if (message.kind !== "response") return;
    const size = body.bytes.length;
    take(message.id)?.failed(resultTooLarge(options.server, options.limits, size, true), true);
  }

  const talk: Talk = {
    era: "legacy",
    level: createLogLevel(false),
    send,
    notify: (method) => options.process().write([notificationMessage(method)]),
    stale: () => asides.stale,
    line,
    undelivered(place, cause, mayHaveRun) {
      for (const [id, call] of inFlight.entries()) {
        if (call.place !== place) continue;
        take(id);
        if (mayHaveRun) asides.ghost(id, call.owner);
        const code = mayHaveRun ? "GW_UPSTREAM_LOST" : "GW_UPSTREAM_ERROR";
        call.sink.failed(problem(code, cause), mayHaveRun);
      }
    },
    ended(cause) {
      over = true;
      asides.close(cause);
      const error = problem("GW_UPSTREAM_LOST", cause);
      const calls = inFlight.entries();
      for (const [id] of calls) inFlight.delete(id);
      for (const [, { sink }] of calls) sink.failed(error, true);
    },
  };
  return talk;
}

function problemOf(server: string, code: ErrorCode, cause: string) {
  return fault(code, { message: `The call to "${server}" failed`, cause: cut(cause) });
}

/** U14: nothing of the call was written. */
function notRead(server: string) {
  const limit = limits.childBacklogBytes;
  return fault("GW_UPSTREAM_BUSY", {
    message: `"${server}" does not read its input`,
    cause: `${sizeText(limit)} wait for it already, as much as may; nothing was sent`,
    fix: `repeat it later; if it stays so: authensor-gw servers restart ${server}`,
    data: { limit },
  });
}

/** The newest few: what is forgotten is told as an answer of no call. */
function lastIds(): Pick<Set<number>, "add" | "delete"> {
  const ids = new Set<number>();
  return {
    add(id) {
      const [oldest] = ids;
      if (ids.size >= limits.ghostCalls && oldest !== undefined) ids.delete(oldest);
      return ids.add(id);
    },
    delete: (id) => ids.delete(id),
  };
}

function hasId({ value }: StrictBody): boolean {
  return member(value, "id") !== undefined;
}

/** One notification too many, by its first bytes: it is not read (U18). */
function dropsOfCall(call: Waiting, kind: string, bytes: Uint8Array, now: number): boolean {
  if (!isOver(call, now)) return false;
  crowd(call.sink, kind, bytes);
  return true;
}

/** The listen that a server acknowledges. */
function listenId(method: string, params: JsonObject): number | undefined {
  if (acknowledgedResources(method, params) === undefined) return undefined;
  const meta = member(params, "_meta");
  const id = isObject(meta) ? member(meta, "io.modelcontextprotocol/subscriptionId") : undefined;
  return typeof id === "number" ? id : undefined;
}

/** The id of a line that JSON.parse reads and the strict reader does not. */
function idOf(bytes: Uint8Array): number | undefined {
  if (bytes[0] !== 0x7b) return undefined;
  try {
    const { id } = JSON.parse(Buffer.from(bytes).toString("utf8")) as { id?: unknown };
    return typeof id === "number" ? id : undefined;
  } catch {
    // Not JSON at all: it belongs to no request.
    return undefined;
  }
}
