/** The fixed shapes of what the HTTP front answers; no stack, no path, no stranger's text (O11). */

import { catalogue } from "../base/error-codes.ts";
import type { ErrorCode, GatewayError } from "../base/errors.ts";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { errorMessage, resultMessage } from "../protocol/envelope.ts";
import type { RpcProblem } from "../protocol/era.ts";
import type { Pieces } from "../protocol/message.ts";
import { sseEvent } from "../protocol/sse.ts";
import { streamHeaders } from "./event-stream.ts";
import type { Accepts } from "./media.ts";

/** Body `{"error":{code,message,cause,fix}}`: for whoever is not known to speak JSON-RPC yet. */
export function plainError(error: GatewayError, headers: Record<string, string> = {}): Response {
  return json(error.spec.http, plainErrorText(error), headers);
}

/** What is no HTTP request. `status`: that of RFC 9112, which is not always the code's own. */
export function httpError(status: number, why: string): Response {
  return json(status, plainErrorText(plain(httpCodes.get(status) ?? "GW_HTTP", why)));
}

const httpCodes: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [413, "GW_BODY_TOO_LARGE"],
  [431, "GW_HEADERS_TOO_LARGE"],
]);

function plainErrorText({ code, message, why: cause, fix }: GatewayError): string {
  return JSON.stringify({ error: { code, message, cause, fix } });
}

/** A refused key: the challenge says why, and names no place where an OAuth hunt could begin. */
export function keyError(error: GatewayError): Response {
  if (error.spec.http !== 401) return plainError(error, { "retry-after": "2" });
  const why = error.why === "" ? error.message : `${error.message}: ${error.why}`;
  const description = quotable(`${error.code}: ${why}`);
  const challenge = `Bearer error="invalid_token", error_description="${description}"`;
  return plainError(error, { "www-authenticate": challenge });
}

/** A JSON-RPC error response; `idText` is left out when the id could not be read. */
export function rpcError(error: GatewayError, idText?: string, headers?: Record<string, string>) {
  return json(error.spec.http, rpcErrorText(error, idText), headers);
}

export function rpcErrorText(error: GatewayError, idText: string | undefined): string {
  const { code, why: cause, fix } = error;
  const data = { code, cause, fix, ...error.data };
  return errorMessage(idText, error.spec.rpc, `${code}: ${error.message}`, data);
}

/** A fault whose message is the catalogue's own sentence, with an optional cause. */
export function plain(code: ErrorCode, cause = ""): GatewayError {
  return fault(code, { message: catalogue[code].meaning, cause });
}

export function json(status: number, text: string, headers?: Record<string, string>): Response {
  if (status === 200 && headers === undefined) return new Response(text, okJson);
  return new Response(text, { status, headers: { ...jsonType, ...headers } });
}

/** A whole JSON-RPC response out of its pieces. Response copies bytes at once. */
export function jsonPieces(status: number, pieces: Pieces): Response {
  return jsonBody(status, joinedFor(pieces));
}

/** A stream of so many bytes. Our own server sends them by that length, others in chunks. */
export function jsonStream(status: number, body: ReadableStream, bytes: number): Response {
  return new Response(body, { status, headers: { ...jsonType, "content-length": String(bytes) } });
}

export function jsonBody(status: number, body: BodyInit): Response {
  return new Response(body, status === 200 ? okJson : { status, headers: jsonType });
}

/** All pieces as one string, or one copy of the bytes when any of them is bytes. */
export function joined(pieces: Pieces): string | Uint8Array<ArrayBuffer> {
  const only = pieces[0];
  if (pieces.length === 1 && typeof only === "string") return only;
  if (pieces.every((piece) => typeof piece === "string")) return pieces.join("");
  return concat(pieces);
}

/**
 * All pieces as one without a copy: the strings are written around the only bytes, into the memory
 * that those are in. undefined where that has no room, or where more than one piece is bytes.
 */
export function around(pieces: Pieces): Uint8Array<ArrayBuffer> | undefined {
  const at = pieces.findIndex((piece) => typeof piece !== "string");
  const bytes = pieces[at];
  if (bytes === undefined || typeof bytes === "string") return undefined;
  const { buffer, byteOffset, length } = bytes;
  const tail = pieces.slice(at + 1);
  if (!(buffer instanceof ArrayBuffer) || tail.some((one) => typeof one !== "string")) return;
  const head = encoder.encode(pieces.slice(0, at).join(""));
  const end = encoder.encode(tail.join(""));
  const start = byteOffset - head.length;
  const size = head.length + length + end.length;
  if (start < 0 || start + size > buffer.byteLength) return undefined;
  const whole = new Uint8Array(buffer, start, size);
  whole.set(head);
  whole.set(end, head.length + length);
  return whole;
}

/** All pieces as text; they are JSON, so bytes are UTF-8. */
export function textOf(pieces: Pieces): string {
  const whole = joined(pieces);
  return typeof whole === "string" ? whole : decoder.decode(whole);
}

/** As `joined`; bytes hold until the next call. */
export function joinedFor(pieces: Pieces): string | Uint8Array<ArrayBuffer> {
  const only = pieces[0];
  if (pieces.length === 1 && typeof only === "string") return only;
  let most = 0;
  for (const piece of pieces) most += typeof piece === "string" ? piece.length * 3 : piece.length;
  if (most > scratch.length) return joined(pieces);
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === "string") at += write(piece, at);
    else {
      scratch.set(piece, at);
      at += piece.length;
    }
  }
  return scratch.subarray(0, at);
}

/** The result of a request that the front answers itself, in the form the client takes. */
export function answerText(
  wanted: Accepts,
  idText: string,
  result: string,
  headers: Record<string, string> = {},
): Response {
  const message = joined(resultMessage(idText, result)) as string;
  if (wanted !== "events") return json(200, message, headers);
  return new Response(sseEvent(message), { headers: { ...streamHeaders, ...headers } });
}

export function problemText(problem: RpcProblem, idText: string | undefined): string {
  return errorMessage(idText, problem.rpc, `${problem.code}: ${problem.message}`, {
    code: problem.code,
    fix: catalogue[problem.code].fix,
    ...problem.data,
  });
}

export function accepted(): Response {
  return new Response(null, { status: 202 });
}

const jsonType = { "content-type": "application/json" };
/** Made once: Response copies ready Headers faster than it reads an object. */
const okJson = { headers: new Headers(jsonType) };
const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Answers that are copied before the next one is made; larger ones have memory of their own. */
const scratch = new Uint8Array(limits.unreadFromBytes * 2);

/** Into the scratch; how many bytes. */
function write(text: string, start: number): number {
  if (text.length <= shortText && writeAscii(text, start)) return text.length;
  return encoder.encodeInto(text, scratch.subarray(start)).written;
}

/** What stands around a result, as a rule: no object for it. False where it is not ASCII. */
function writeAscii(text: string, start: number): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return false;
    scratch[start + at] = code;
  }
  return true;
}

const shortText = 128;

function concat(pieces: Pieces): Uint8Array<ArrayBuffer> {
  const parts = pieces.map((piece) => (typeof piece === "string" ? encoder.encode(piece) : piece));
  let total = 0;
  for (const part of parts) total += part.length;
  const whole = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Printable ASCII without quote and backslash, as RFC 6750 wants error_description. */
function quotable(text: string): string {
  let safe = "";
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (character === '"' || character === "\\") safe += "'";
    else safe += code >= 0x20 && code < 0x7f ? character : "?";
  }
  return safe;
}
