/** What a front hands to the call path, and what it gets back. */

import type { Identity } from "../access/access.ts";
import type { Json } from "../base/json.ts";
import type { ClientCapabilities } from "../protocol/capabilities.ts";
import type { Era, Pieces, RequestMessage } from "../protocol/message.ts";

/** One authenticated, strictly read, classified request. */
export interface Incoming {
  readonly identity: Identity;
  readonly era: Era;
  /** Revision of the session (legacy) or of the request (modern). */
  readonly protocol: string;
  readonly message: RequestMessage;
  /** stdio: no headers mirror the body, as nobody stands between to read them. */
  readonly transport: "http" | "stdio";
  /** Of this session or request; self-declared. */
  readonly client: { readonly name: string; readonly version: string };
  readonly capabilities: ClientCapabilities;
  /** Of the session (logging/setLevel) or of the request (_meta); undefined: no logs wanted. */
  readonly logLevel: string | undefined;
  /** Digest of the front session id for the receipt, "" where there is none. */
  readonly session: string;
  /** Monotonic ms when the request was complete. */
  readonly arrived: number;
  /** A request header, null when absent: for Mcp-Param-*. */
  header(name: string): string | null;
  /** The resources its session is told of; undefined where there is no session (modern). */
  readonly watched: WatchedResources | undefined;
}

/** The subscriptions of one front session; the front tells their updates on its stream. */
export interface WatchedResources {
  has(uri: string): boolean;
  /** False when it has as many as it may have: that is GW_SUBSCRIPTIONS_FULL. */
  add(uri: string): boolean;
  delete(uri: string): void;
}

/** Where the answer of one request goes; made by the front, one per request. */
export interface Reply {
  /** A notification before the answer: the whole JSON-RPC message. Makes the answer a stream. */
  notify(message: string): void;
  /**
   * Asks the client in the middle of its request, on the request's own stream (legacy). undefined
   * where it cannot be asked: no session, no event stream, or a modern client, whose way is
   * input_required. `params`: JSON text. The caller checked the client's capabilities.
   */
  ask(method: string, params: Pieces): Asked | undefined;
  /**
   * The whole JSON-RPC response, once. Status counts only while no stream has begun. `lent`: what
   * is to be told when the bytes of `body` are sent or copied, as their memory is then used again.
   * Until that it belongs to the front, which may write over what stands around them.
   */
  send(status: number, body: Pieces, lent?: () => void): void;
}

/** One question to a client. */
export interface Asked {
  /** Rejects with a GatewayError when no answer can come any more. */
  readonly answer: Promise<ClientAnswer>;
  /** It is not needed any more: the client is told, `answer` rejects. */
  cancel(reason: string): void;
}

export type ClientAnswer =
  | { readonly ok: true; readonly value: Json; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly code: number; readonly message: string; readonly data?: Json };

export interface Handling {
  /** The client takes the request back: nothing is sent any more, the receipt says cancelled. */
  cancel(reason: string): void;
}
