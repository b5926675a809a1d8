/** The JSON text around what is passed on: every envelope is written here, none is copied (P2). */

import type { Json } from "../base/json.ts";
import type { MemberSpan, Pieces, RequestMessage } from "./message.ts";

/** A response with this id; `result` is JSON text, sent as it is. */
export function resultMessage(idText: string, result: string | Uint8Array | Pieces): Pieces {
  const head = `{"jsonrpc":"2.0","id":${idText},"result":`;
  if (typeof result === "string") return [`${head}${result}}`];
  if (result instanceof Uint8Array) return [head, result, "}"];
  return [head, ...result, "}"];
}

/**
 * An error response; without `idText` when the id could not be read (`id: null` is not valid MCP).
 */
export function errorMessage(
  idText: string | undefined,
  code: number,
  message: string,
  data?: Json | object,
): string {
  const id = idText === undefined ? "" : `"id":${idText},`;
  const error = JSON.stringify(data === undefined ? { code, message } : { code, message, data });
  return `{"jsonrpc":"2.0",${id}"error":${error}}`;
}

/** A request up to and including `"params":`; after the params comes `requestTail`. */
export function requestHead(id: number, method: string): string {
  return `${requestOpening(method)}${id}${paramsName}`;
}

export const requestTail = "}";

/** The same without making a text a call: the opening, the id as a number, then `paramsName`. */
export function requestOpening(method: string): string {
  if (method === "tools/call") return toolsCallOpening;
  return `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"id":`;
}

const toolsCallOpening = '{"jsonrpc":"2.0","method":"tools/call","id":';

export const paramsName = ',"params":';

/** `paramsText` is a JSON object, or undefined for a notification without params. */
export function notificationMessage(method: string, paramsText?: string): string {
  const params = paramsText === undefined ? "" : `,"params":${paramsText}`;
  return `{"jsonrpc":"2.0","method":${JSON.stringify(method)}${params}}`;
}

/**
 * The params members that are not in `skip`, byte for byte, as `"key":value` with commas between
 * them and none at either end: write `{`, your own members and a comma before, `}` after. undefined
 * when none is left.
 */
export function otherParams(message: RequestMessage, skip: readonly string[]): Pieces | undefined {
  return spliced(message.body.bytes, message.body.members("params"), skip);
}

/** As `otherParams`, for any members of `bytes`. */
export function spliced(
  bytes: Uint8Array,
  members: readonly MemberSpan[],
  skip: readonly string[],
): Pieces | undefined {
  const pieces: (string | Uint8Array)[] = [];
  for (const { key, start, end } of members) {
    if (skip.includes(key)) continue;
    if (pieces.length > 0) pieces.push(",");
    pieces.push(bytes.subarray(start, end));
  }
  return pieces.length === 0 ? undefined : pieces;
}
