/** The result of any decided method, from the era of its server to the era of its client. */

import { isObject, type JsonObject, member } from "../../base/json.ts";
import type { Era, Pieces, StrictBody } from "../message.ts";
import { object } from "./object.ts";
import { callResult } from "./tools-call.ts";

/**
 * JSON text of the result for the client, out of the server's own bytes, `bytes`. Numbers and
 * unknown fields are never re-serialised. A string says what cannot be carried, for GW_NOT_BRIDGED.
 */
export function resultFor(
  method: string,
  message: StrictBody,
  bytes: Uint8Array,
  from: Era,
  to: Era,
): Uint8Array | Pieces | string {
  const result = member(message.value, "result");
  if (!isObject(result)) return "the answer has no result object";
  if (method === "resources/read") return readResult(message, result, bytes, from, to);
  return callResult(message, result, bytes, from, to);
}

/** Modern clients are told how long they may keep it; who may read it is decided for each key. */
function readResult(
  message: StrictBody,
  result: JsonObject,
  bytes: Uint8Array,
  from: Era,
  to: Era,
): Uint8Array | Pieces | string {
  if (to === "legacy") {
    if (from === "legacy") return bytes;
    const type = member(result, "resultType");
    if (type !== undefined && type !== "complete") return oddType(type);
    return without(message, cacheKeys, []);
  }
  if (from === "modern" && !isComplete(result)) return bytes;
  const own = ['"resultType":"complete"', `,"ttlMs":${ttl(result, from)}`, cachedPrivately];
  return without(message, cacheKeys, own);
}

const cacheKeys: readonly string[] = ["resultType", "ttlMs", "cacheScope"];
/** Another key may be denied what this one may read, so no cache may share it. */
const cachedPrivately = ',"cacheScope":"private"';

function ttl(result: JsonObject, from: Era): number {
  const given = from === "modern" ? member(result, "ttlMs") : undefined;
  return typeof given === "number" && Number.isSafeInteger(given) && given >= 0 ? given : 0;
}

/** 1.6: a result without a type is a complete one. */
function isComplete(result: JsonObject): boolean {
  const type = member(result, "resultType");
  return type === undefined || type === "complete";
}

function without(message: StrictBody, skip: readonly string[], own: readonly string[]): Pieces {
  const kept = message.members("result").filter(({ key }) => !skip.includes(key));
  return object(message.bytes, kept, own);
}

export function oddType(type: unknown): string {
  return `the server answered with resultType ${JSON.stringify(type).slice(0, 64)}`;
}
