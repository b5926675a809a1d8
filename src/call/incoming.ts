/** What a front hands to the call path, and what it gets back. */

import type { Identity } from "../access/access.ts";
import type { JsonObject } from "../base/json.ts";
import type { Era, Pieces, RequestMessage } from "../protocol/message.ts";

/** One authenticated, strictly read, classified request. */
export interface Incoming {
  readonly identity: Identity;
  readonly era: Era;
  /** Revision of the session (legacy) or of the request (modern). */
  readonly protocol: string;
  readonly message: RequestMessage;
  /** Of this session or request; self-declared. */
  readonly client: { readonly name: string; readonly version: string };
  readonly capabilities: JsonObject;
  /** Digest of the front session id for the receipt, "" where there is none. */
  readonly session: string;
  /** Monotonic ms when the request was complete. */
  readonly arrived: number;
  /** A request header, null when absent: for Mcp-Param-*. */
  header(name: string): string | null;
}

/** Where the answer of one request goes; made by the front, one per request. */
export interface Reply {
  /** A notification before the answer: the whole JSON-RPC message. Makes the answer a stream. */
  notify(message: string): void;
  /** The whole JSON-RPC response, once. Status counts only while no stream has begun. */
  send(status: number, body: Pieces): void;
}

export interface Handling {
  /** The client takes the request back: nothing is sent any more, the receipt says cancelled. */
  cancel(reason: string): void;
}
