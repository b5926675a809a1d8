/** What one strictly read JSON-RPC message is to the rest of the gateway. */

import type { BriefObject } from "../base/brief.ts";
import type { Json, JsonObject } from "../base/json.ts";

/** legacy: initialize and sessions, to 2025-11-25. modern: _meta on each request, 2026-07-28. */
export type Era = "legacy" | "modern";

export type RequestId = string | number;

/** A body that passed the strict reader: unambiguous, within limits, bytes kept. */
export interface StrictBody {
  readonly bytes: Uint8Array;
  /**
   * Gives the memory of `bytes` back at once, where it is large and this body's alone; `bytes` is
   * empty after it. Waiting for the collector would cost fresh pages for every large answer. Set by
   * who knows of the memory.
   */
  release?: (() => void) | undefined;
  /** Long texts of a server's answer to a tools/call are cut short here, never in `bytes`. */
  readonly value: JsonObject;
  /**
   * params.arguments as a policy reads them, where they hold texts that it may not read. In `value`
   * these are decoded when params.arguments is first read, which must be before `release`.
   */
  readonly brief?: BriefObject | undefined;
  /**
   * Some number's text is not the decimal its double prints as: comparing numbers is unknown (P5).
   */
  readonly inexact?: boolean;
  /**
   * The members of the root, of params or of result in the order received; [] when not an object.
   */
  members(inside?: "params" | "result"): readonly MemberSpan[];
  /**
   * Byte span [start, end) of a member's value as received: of the root, or of params when `inside`
   * is "params", or of result when it is "result". undefined when absent. `key` is plain ASCII.
   */
  span(key: string, inside?: "params" | "result"): readonly [number, number] | undefined;
  /** The bytes of that span: in place, or a copy where all of the body is small. */
  part(key: string, inside?: "params" | "result"): Uint8Array | undefined;
  /** Whether the value of a root member was written as exactly the digits of this integer. */
  saysInteger(key: string, value: number): boolean;
}

/** One `"key":value` in the bytes: [start, end) with the key, the value from valueStart. */
export interface MemberSpan {
  readonly key: string;
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

export type Message = RequestMessage | NotificationMessage | ResponseMessage;

export interface RequestMessage {
  readonly kind: "request";
  readonly id: RequestId;
  /** The id as it was written, echoed byte for byte (F22). */
  readonly idText: string;
  readonly method: string;
  readonly params: JsonObject;
  readonly body: StrictBody;
}

export interface NotificationMessage {
  readonly kind: "notification";
  readonly method: string;
  readonly params: JsonObject;
  readonly body: StrictBody;
}

export interface ResponseMessage {
  readonly kind: "response";
  readonly id: RequestId;
  readonly result?: Json;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Json };
  readonly body: StrictBody;
}

/** JSON text in pieces, sent one after the other without change. */
export type Pieces = readonly (string | Uint8Array)[];
