/** How a decided request ended at its server. */

import { fault, type GatewayError } from "../base/errors.ts";
import { isObject, member } from "../base/json.ts";
import type { Era, Pieces, StrictBody } from "../protocol/message.ts";
import type { Outcome } from "../receipt/model.ts";

export interface Answered {
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

export type Forwarded =
  | Answered
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
  const error = errorIn(message);
  if (error !== undefined) return endOf("upstream_error", message, era, error);
  const bytes = message.part("result");
  if (bytes === undefined) {
    return {
      kind: "failed",
      mayHaveRun: true,
      error: fault("GW_UPSTREAM_ERROR", { message: "The answer has neither result nor error" }),
    };
  }
  const result = member(message.value, "result");
  const failed = isObject(result) && member(result, "isError") === true;
  return endOf(failed ? "tool_error" : "ok", message, era, bytes);
}

function endOf(outcome: Answered["outcome"], message: StrictBody, era: Era, bytes: Uint8Array) {
  // With the time that it gets later: an object that grows is made twice.
  const end: Forwarded = { kind: "result", outcome, message, era, bytes, serverMs: 0 };
  return end;
}

/** An answer that the bridge has put into the client's words. */
export function ready(message: StrictBody, era: Era, text: Pieces): Untimed {
  const bytes = errorIn(message) ?? message.part("result") ?? noBytes;
  return { kind: "result", outcome: "ok", message, era, bytes, ready: text };
}

/** U21: one that is null is none. */
function errorIn(message: StrictBody): Uint8Array | undefined {
  return (member(message.value, "error") ?? null) === null ? undefined : message.part("error");
}

const noBytes = new Uint8Array(0);
