/** Shorthands for tests of the wire. */

import { limits } from "../../src/base/limits.ts";
import { readMessage } from "../../src/protocol/json-rpc.ts";
import type { Pieces, RequestMessage, StrictBody } from "../../src/protocol/message.ts";
import { type JsonBounds, readStrict, readUpstream } from "../../src/protocol/strict-json.ts";

export const bounds: JsonBounds = {
  depth: limits.jsonDepth,
  values: limits.jsonValues,
  keyBytes: limits.jsonKeyBytes,
};

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(bytes: Uint8Array, span?: readonly [number, number]): string {
  return new TextDecoder().decode(span === undefined ? bytes : bytes.subarray(span[0], span[1]));
}

export function joined(pieces: Pieces): string {
  return pieces.map((piece) => (typeof piece === "string" ? piece : textOf(piece))).join("");
}

/** "ok", or the code of the refusal. */
export function verdict(text: string | Uint8Array): string {
  const read = readStrict(typeof text === "string" ? bytesOf(text) : text, bounds);
  return read.ok ? "ok" : read.error.code;
}

export function strict(text: string): StrictBody {
  const read = readStrict(bytesOf(text), bounds);
  if (!read.ok) throw new Error(`${read.error.code}: ${read.error.message}`);
  return read.value;
}

export function upstream(text: string): StrictBody {
  const read = readUpstream(bytesOf(text));
  if (!read.ok) throw new Error(`${read.error.code}: ${read.error.message}`);
  return read.value;
}

/** "request", "notification" or "response"; else the code of the refusal. */
export function kindOf(text: string): string {
  const body = readStrict(bytesOf(text), bounds);
  if (!body.ok) return body.error.root === undefined ? body.error.code : "GW_MESSAGE";
  const read = readMessage(body.value, { idBytes: limits.idBytes });
  return read.kind === "problem" ? read.code : read.kind;
}

export function request(text: string): RequestMessage {
  const read = readMessage(strict(text), { idBytes: limits.idBytes });
  if (read.kind !== "request") throw new Error("not a request");
  return read;
}

/** A tools/call whose params are this text. */
export function callText(params: string): string {
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
}
