/** The result of a call, from the era of its server to the era of its client. */

import { isObject, type JsonObject, member } from "../../base/json.ts";
import type { Era, MemberSpan, Pieces, StrictBody } from "../message.ts";
import { object } from "./object.ts";

/** As `resultFor`, of whose other methods this is too. */
export function callResult(
  message: StrictBody,
  result: JsonObject,
  bytes: Uint8Array,
  from: Era,
  to: Era,
): Uint8Array | Pieces | string {
  // 1.6: absent it means complete, but clients of 2026-07-28 refuse a result without it.
  const untyped = to === "modern" && member(result, "resultType") === undefined;
  if (from === to && !untyped) return bytes;
  if (to === "modern") return toModern(message, result, bytes);
  return toLegacy(message, result, bytes);
}

/** 2025 servers know no resultType; 2026 clients refuse a result without one. */
function toModern(message: StrictBody, result: JsonObject, bytes: Uint8Array): Uint8Array | Pieces {
  if (member(result, "resultType") === "complete") return bytes;
  // A legacy server's own resultType means nothing: "task" would start a protocol it does not
  // speak.
  const kept = message.members("result").filter(({ key }) => key !== "resultType");
  return object(message.bytes, kept, ['"resultType":"complete"']);
}

function toLegacy(
  message: StrictBody,
  result: JsonObject,
  bytes: Uint8Array,
): Uint8Array | Pieces | string {
  const type = member(result, "resultType");
  if (type !== undefined && type !== "complete") {
    return `the server answered with resultType ${JSON.stringify(type).slice(0, 64)}`;
  }
  const structured = member(result, "structuredContent");
  const wrap = structured !== undefined && !isObject(structured);
  if (type === undefined && !wrap) return bytes;
  const dropped = wrap ? ["resultType", "structuredContent"] : ["resultType"];
  const members = message.members("result");
  const kept = members.filter(({ key }) => !dropped.includes(key));
  return object(message.bytes, kept, wrap ? wrapped(message, members, result) : []);
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
