/** The error of a server, as its client's era knows it (status tables of 2026-07-28). */

import { isObject, member } from "../../base/json.ts";
import type { Era, Pieces, StrictBody } from "../message.ts";
import { membersOf } from "../strict-json.ts";
import { object } from "./object.ts";

export interface ServerError {
  /** HTTP status towards a modern client. */
  readonly status: number;
  /** JSON text of `error`. */
  readonly error: Pieces;
}

/**
 * "hop": it is about the gateway's own request and does not concern the client. "untold": about the
 * client, in words that its era has not.
 */
export function errorFor(
  method: string,
  message: StrictBody,
  from: Era,
  to: Era,
): ServerError | "hop" | "untold" {
  const error = member(message.value, "error");
  const bytes = message.part("error");
  const code = isObject(error) ? member(error, "code") : undefined;
  if (bytes === undefined || typeof code !== "number") return "hop";
  if (code === -32020 || code === -32022) return "hop";
  // 2026-07-28 asks for URLs by its result only: here no policy would have looked at them.
  if (code === -32042 && from === "modern") return "hop";
  if (from === "modern" && code === -32021 && to === "legacy") return "untold";
  if (from === "legacy" && code === -32042 && to === "modern") return "untold";
  const status = to === "modern" ? (statuses.get(code) ?? 200) : 200;
  // 1.4: never in that era.
  if (to === "modern" && code === -32002) return { status, error: recoded(bytes, -32602) };
  const toLegacy = from === "modern" && to === "legacy";
  if (toLegacy && method === "resources/read" && code === -32602) {
    return { status, error: recoded(bytes, -32002) };
  }
  return { status, error: [bytes] };
}

const statuses: ReadonlyMap<number, number> = new Map([
  [-32021, 400],
  [-32601, 404],
]);

/** The same error with another code; message and data byte for byte. */
function recoded(bytes: Uint8Array, code: number): Pieces {
  const kept = membersOf(bytes).filter(({ key }) => key !== "code");
  return object(bytes, kept, [`"code":${code}`]);
}
