/** The result of a call, from the era of its server to the era of its client. */

import { isObject, type JsonObject, member } from "../../base/json.ts";
import { no, ok, type Result } from "../../base/result.ts";
import type { Era, MemberSpan, Pieces, StrictBody } from "../message.ts";
import { object } from "./object.ts";

/**
 * JSON text of the result for the client, out of the server's own bytes. Numbers and unknown fields
 * are never re-serialised. The error says what cannot be carried, for GW_NOT_BRIDGED.
 */
export function callResult(message: StrictBody, from: Era, to: Era): Result<Pieces, string> {
  const span = message.span("result");
  const result = member(message.value, "result");
  if (span === undefined || !isObject(result)) return no("the answer has no result object");
  const bytes = message.bytes.subarray(span[0], span[1]);
  // 1.6: absent it means complete, but clients of 2026-07-28 refuse a result without it.
  const untyped = to === "modern" && member(result, "resultType") === undefined;
  if (from === to && !untyped) return ok([bytes]);
  if (to === "modern") return ok(toModern(message, result, bytes));
  return toLegacy(message, result, bytes);
}

/** 2025 servers know no resultType; 2026 clients refuse a result without one. */
function toModern(message: StrictBody, result: JsonObject, bytes: Uint8Array): Pieces {
  if (member(result, "resultType") === "complete") return [bytes];
  // A legacy server's own resultType means nothing: "task" would start a protocol it does not
  // speak.
  const kept = message.members("result").filter(({ key }) => key !== "resultType");
  return object(message.bytes, kept, ['"resultType":"complete"']);
}

function toLegacy(
  message: StrictBody,
  result: JsonObject,
  bytes: Uint8Array,
): Result<Pieces, string> {
  const type = member(result, "resultType");
  if (type !== undefined && type !== "complete") {
    return no(`the server answered with resultType ${JSON.stringify(type).slice(0, 64)}`);
  }
  const structured = member(result, "structuredContent");
  const wrap = structured !== undefined && !isObject(structured);
  if (type === undefined && !wrap) return ok([bytes]);
  const dropped = wrap ? ["resultType", "structuredContent"] : ["resultType"];
  const members = message.members("result");
  const kept = members.filter(({ key }) => !dropped.includes(key));
  return ok(object(message.bytes, kept, wrap ? wrapped(message, members, result) : []));
}

/**
 * 2025 revisions take objects only: any other value goes into one, and into a text for the model.
 */
function wrapped(
  message: StrictBody,
  members: readonly MemberSpan[],
  result: JsonObject,
): (string | Uint8Array)[] {
  const span = members.findLast(({ key }) => key === "structuredContent");
  if (span === undefined) return [];
  const value = message.bytes.subarray(span.valueStart, span.end);
  const pieces = ['"structuredContent":{"result":', value, "}"];
  if (member(result, "content") !== undefined) return pieces;
  const text = JSON.stringify(new TextDecoder().decode(value));
  return [...pieces, `,"content":[{"type":"text","text":${text}}]`];
}
