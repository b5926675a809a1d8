/** How a decided request ended at its server. */

import { fault, type GatewayError } from "../base/errors.ts";
import { isObject, member } from "../base/json.ts";
import type { Era, Pieces, StrictBody } from "../protocol/message.ts";
import type { Outcome } from "../receipt/model.ts";

export type Forwarded =
  | {
      readonly kind: "result";
      readonly outcome: Extract<Outcome, "ok" | "tool_error" | "upstream_error">;
      readonly message: StrictBody;
      readonly era: Era;
      /** The bytes of `result` or `error` as they came. */
      readonly bytes: Uint8Array;
      /** JSON text of the result where the bridge has made it already. */
      readonly ready?: Pieces;
      readonly serverMs: number;
    }
  | {
      readonly kind: "failed";
      readonly error: GatewayError;
      readonly mayHaveRun: boolean;
      readonly serverMs: number;
    }
  | { readonly kind: "cancelled"; readonly serverMs: number };

export type Untimed = Forwarded extends infer F
  ? F extends Forwarded
    ? Omit<F, "serverMs">
    : never
  : never;

export function answered(message: StrictBody, era: Era): Untimed {
  const error = message.span("error");
  const span = error ?? message.span("result");
  if (span === undefined) {
    return {
      kind: "failed",
      mayHaveRun: true,
      error: fault("GW_UPSTREAM_ERROR", { message: "The answer has neither result nor error" }),
    };
  }
  const bytes = message.bytes.subarray(span[0], span[1]);
  if (error !== undefined) {
    return { kind: "result", outcome: "upstream_error", message, era, bytes };
  }
  const result = member(message.value, "result");
  const failed = isObject(result) && member(result, "isError") === true;
  return { kind: "result", outcome: failed ? "tool_error" : "ok", message, era, bytes };
}

/** An answer that the bridge has put into the client's words. */
export function ready(message: StrictBody, era: Era, text: Pieces): Untimed {
  const span = message.span("error") ?? message.span("result") ?? [0, 0];
  const bytes = message.bytes.subarray(span[0], span[1]);
  return { kind: "result", outcome: "ok", message, era, bytes, ready: text };
}
