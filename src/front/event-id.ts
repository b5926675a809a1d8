/** The ids of events of legacy streams: which stream, where in it, and whose answer it brings. */

import { Buffer } from "node:buffer";
import { limits } from "../base/limits.ts";

export interface EventId {
  /** Of the session, in this gateway, since its start. */
  readonly nonce: string;
  readonly channel: number;
  readonly seq: number;
  /**
   * Id of the request whose answer the stream brings, as JSON; "" for the standing stream. With it
   * a client whose stream is lost with the gateway can be told so.
   */
  readonly idText: string;
}

export function writeEventId({ nonce, channel, seq, idText }: EventId): string {
  const request = idText === "" ? "" : `.${Buffer.from(idText).toString("base64url")}`;
  return `${nonce}.${channel}.${seq}${request}`;
}

/** Last-Event-ID as one of ours, or undefined; it says nothing of whether we have that stream. */
export function readEventId(text: string): EventId | undefined {
  if (text.length > limits.eventIdBytes) return undefined;
  const [nonce = "", channel = "", seq = "", request, ...more] = text.split(".");
  if (more.length > 0 || nonce.length !== nonceChars || !isBase64url(nonce)) return undefined;
  if (!isCount(channel) || !isCount(seq)) return undefined;
  const idText = request === undefined ? "" : readRequestId(request);
  if (idText === undefined) return undefined;
  return { nonce, channel: Number(channel), seq: Number(seq), idText };
}

/** 12 bytes. */
const nonceChars = 16;

/** JSON of a string or a safe integer, as a request may carry it. */
function readRequestId(request: string): string | undefined {
  const text = Buffer.from(request, "base64url").toString("utf8");
  // One spelling: neither what base64 skips nor what is no UTF-8.
  if (request === "" || Buffer.from(text).toString("base64url") !== request) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const sound = typeof value === "string" || Number.isSafeInteger(value);
    return sound && text.trim() === text ? text : undefined;
  } catch {
    return undefined;
  }
}

function isBase64url(text: string): boolean {
  return Buffer.from(text, "base64url").toString("base64url") === text;
}

function isCount(text: string): boolean {
  if (text === "" || text.length > 15 || (text.length > 1 && text.startsWith("0"))) return false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 48 || code > 57) return false;
  }
  return true;
}
