/** The interface to one MCP server behind the gateway, whatever its transport and era. */

import type { GatewayError } from "../base/errors.ts";
import type { Json, JsonObject } from "../base/json.ts";
import type { CacheHints } from "../protocol/cache-hints.ts";
import type { ClientCapabilities } from "../protocol/capabilities.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type { Era, Pieces, StrictBody } from "../protocol/message.ts";

export interface Upstream {
  /** `[a-z0-9-]{1,32}`, from the config. */
  readonly id: string;
  status(): UpstreamStatus;
  /** What the server said of itself; undefined until it was ready once. */
  hello(): ServerHello | undefined;
  /**
   * Sends one request. Throws or rejects nothing before bytes may have left but GatewayErrors:
   * GW_UPSTREAM_DOWN, GW_SERVER_DISABLED, GW_UPSTREAM_BUSY (nothing was sent). After that the sink
   * is told the end, exactly once; a call may first wait for its turn (`waitsFor`). A call to a
   * server in backoff makes one attempt at once within `connectMs`.
   */
  send(request: UpstreamRequest, sink: UpstreamSink): UpstreamCall | Promise<UpstreamCall>;
  /**
   * All pages of a list method; empty where the server declares no such list. Rejects with a
   * GatewayError.
   */
  list(method: ListMethod): Promise<RawList>;
  /**
   * A client is there that has not called yet: a legacy server may offer more to clients that can
   * be asked. Its lists change when that is found.
   */
  meet?(origin: Origin): void;
  /**
   * Asks the server to tell when this resource changes, until `unsubscribe`; kept through
   * reconnects. Rejects with a GatewayError when the server refuses.
   */
  subscribe(uri: string): Promise<void>;
  unsubscribe(uri: string): void;
  /** State changes, and what the server told of lists and resources. */
  onChange(listener: (change: UpstreamChange) => void): void;
  /** Begins to connect and keeps the server connected; never throws. */
  start(): void;
  /** `cause`: why, where it is not the gateway that stops. */
  stop(cause?: string): Promise<void>;
}

/** What an operator may do with a server; none of it outlives this run of the gateway. */
export interface UpstreamControl {
  /** Connects now what waits; lists a connected server anew. Throws GW_SERVER_DISABLED. */
  retry(): void;
  /** Ends the connection or child, then makes another. Rejects with GW_SERVER_DISABLED. */
  restart(): Promise<void>;
  /** Ends it and leaves it so. `cause`: who did that, for people. */
  disable(cause: string): Promise<void>;
  enable(): Promise<void>;
}

export interface RawList {
  readonly items: readonly RawItem[];
  /** Of all its pages together. */
  readonly hints: CacheHints;
}

export interface RawItem {
  readonly value: JsonObject;
  /** The item's exact JSON text. */
  readonly text: string;
}

export interface UpstreamRequest {
  readonly method: string;
  /** The value of `params` as JSON text; the upstream's id for it is its progress token. */
  params(id: number, era: Era): Pieces;
  /** Nothing that `params` gave last is needed any more; told of large ones, by some transports. */
  written?(): void;
  /** For Mcp-Name; undefined where the method has none. */
  readonly name: string | undefined;
  /** Mcp-Param-* headers, already encoded. */
  readonly headers: readonly (readonly [string, string])[];
  /** Whose request it is; undefined for the gateway's own. */
  readonly origin: Origin | undefined;
  /** What it holds in memory while it waits; about its size. */
  readonly bytes?: number;
}

/** Decides which session or process of a legacy server takes a request (`instance`). */
export interface Origin {
  readonly keyId: string;
  /** Digest of the front session; "" where there is none. */
  readonly session: string;
  readonly capabilities: ClientCapabilities;
  /** The most verbose log level that the client wants; undefined: none. */
  readonly logLevel: string | undefined;
}

/** A legacy server asks the client in the middle of a request: elicitation, sampling, roots. */
export interface ServerRequest {
  readonly method: string;
  readonly params: JsonObject;
  /** The bytes of `params` as they came, "{}" when absent. */
  readonly paramsBytes: Uint8Array;
  /** One of both, once; later ones do nothing. `result` is JSON text. */
  result(text: Pieces): void;
  error(code: number, message: string, data?: Json): void;
  /** Whoever carries the question sets it: the server took it back. */
  onCancelled: ((reason: string) => void) | undefined;
}

/** Told what happens to one request. */
export interface UpstreamSink {
  /** Nobody waits for it any more: what was not sent yet is not sent. */
  readonly over?: boolean;
  /** A notification that belongs to the request (progress by token, or on its own stream). */
  notification(method: string, params: JsonObject): void;
  /**
   * Instead of that: one that came too fast, not read (U18). Its bytes are good until this returns;
   * undefined where they are not at hand.
   */
  crowded?(bytes: Uint8Array | undefined): void;
  /** A question of a legacy server that belongs to the request, and to no other (attribution). */
  request(asked: ServerRequest): void;
  /** The response message as it came: root members jsonrpc, id and result or error. Last event. */
  response(message: StrictBody): void;
  /** The end without a response. `mayHaveRun`: bytes of the request may have reached the server. */
  failed(error: GatewayError, mayHaveRun: boolean): void;
}

export interface UpstreamCall {
  /** Era of the connection that took it. */
  readonly era: Era;
  /** What it waits for, for people, while nothing was sent; then its `params` are asked for. */
  readonly waitsFor?: string | undefined;
  /** Tells the server and forgets the call; the sink hears nothing more. `late`: in no time. */
  cancel(reason: string, late?: boolean): void;
}

export interface ServerHello {
  readonly era: Era;
  readonly protocol: string;
  readonly name: string;
  readonly version: string;
  readonly capabilities: JsonObject;
  readonly instructions: string | undefined;
}

export type UpstreamState =
  | "idle"
  | "starting"
  | "ready"
  | "degraded"
  | "backoff"
  | "crash-loop"
  | "disabled"
  /** The gateway stops; a server that is disabled stays that. */
  | "stopped";

export interface UpstreamStatus {
  readonly state: UpstreamState;
  /** Wall ms of the last change. */
  readonly sinceMs: number;
  /** Why, for people; undefined when ready. */
  readonly cause: string | undefined;
  readonly nextAttemptMs: number | undefined;
  readonly inFlight: number;
  /** Calls that wait as the server has as many as it may have (`max_queued`). */
  readonly queued?: number;
  readonly pid: number | undefined;
  readonly stderr: readonly string[];
  readonly transport: "http" | "stdio";
  readonly protocol: string | undefined;
  /** Beside the first: processes or sessions for clients that can be asked (`instance`). */
  readonly instances?: readonly InstanceStatus[];
  /** What it said, since the start, that belongs to no call that is known. */
  readonly unattributed?: Unattributed;
  /** What it told and asked beside its calls, and came too fast; wall ms of the last one. */
  readonly dropped?: { readonly count: number; readonly atMs: number };
  /** What a reload started is not up yet: all else here is of the one from before. */
  readonly handover?: Handover;
}

/** What is to take over, and until when the one from before stands in. */
export interface Handover {
  readonly state: UpstreamState;
  /** Wall ms of the last change of that. */
  readonly sinceMs: number;
  /** Why its last attempt failed; undefined: none has. */
  readonly cause: string | undefined;
  readonly nextAttemptMs: number | undefined;
  readonly stderr: readonly string[];
  /** Wall ms of the reload; and when it takes over at the latest, up or not. */
  readonly begunMs: number;
  readonly untilMs: number;
}

export interface Unattributed {
  /** Of a legacy server, and answered with an error. */
  readonly question: number;
  /** Lines, and notifications of progress: dropped. */
  readonly log: number;
  /** Under an id that no call has (U17): dropped. */
  readonly answer: number;
}

/** One more process or session of a legacy server. */
export interface InstanceStatus {
  /** Whom it is for: what its clients can be asked, and of which key where that matters. */
  readonly name: string;
  readonly state: UpstreamState;
  readonly cause: string | undefined;
  readonly pid: number | undefined;
  /** With those that wait for their turn. */
  readonly inFlight: number;
  readonly waiting: number;
}

export type UpstreamChange =
  | { readonly kind: "state" }
  | { readonly kind: "list"; readonly method: ListMethod }
  /** A resource that was subscribed to; `params` of notifications/resources/updated. */
  | { readonly kind: "updated"; readonly uri: string; readonly params: JsonObject };
