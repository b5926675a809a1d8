/** A JSON object made of another's members. */

import type { MemberSpan, Pieces } from "../message.ts";

/** Members as received, then own members (ready text, commas between them included). */
export function object(bytes: Uint8Array, kept: readonly MemberSpan[], own: Pieces): Pieces {
  const pieces: (string | Uint8Array)[] = ["{"];
  for (const [index, { start, end }] of kept.entries()) {
    if (index > 0) pieces.push(",");
    pieces.push(bytes.subarray(start, end));
  }
  if (kept.length > 0 && own.length > 0) pieces.push(",");
  pieces.push(...own, "}");
  return pieces;
}
