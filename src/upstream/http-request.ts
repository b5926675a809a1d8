/** An HTTP/1.1 request as bytes, its header built from nothing but what is given (F26, F27). */

import { fault } from "../base/errors.ts";
import type { Pieces } from "../protocol/message.ts";

export type Header = readonly (readonly [string, string])[];

/** Everything of the head that does not change between requests, ending in a line break. */
export function fixedHead(method: string, url: URL, header: Header): string {
  const target = `${url.pathname}${url.search}`;
  return `${method} ${target} HTTP/1.1\r\nHost: ${url.host}\r\n${headerText(header)}`;
}

/** Refuses what could end a field or smuggle another one, whoever made it. */
export function headerText(header: Header): string {
  let text = "";
  for (const [name, value] of header) {
    if (!isToken(name) || !isFieldValue(value)) {
      throw fault("GW_HEADER", { message: `The header "${printable(name)}" cannot be sent` });
    }
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

/** Bodies up to this size go out in one write with the head. */
const oneWrite = 64 * 1024;

/** `head` is fixedHead plus headerText; the body is copied only when it is small. */
export function encodeRequest(head: string, body: Pieces): readonly Uint8Array[] {
  let size = 0;
  for (const piece of body) {
    size += typeof piece === "string" ? Buffer.byteLength(piece) : piece.byteLength;
  }
  const whole = `${head}Content-Length: ${size}\r\n\r\n`;
  if (size > oneWrite) {
    const parts = body.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece));
    return [Buffer.from(whole, "latin1"), ...parts];
  }
  const bytes = Buffer.allocUnsafe(whole.length + size);
  let at = bytes.write(whole, 0, "latin1");
  for (const piece of body) {
    if (typeof piece === "string") at += bytes.write(piece, at, "utf8");
    else {
      bytes.set(piece, at);
      at += piece.byteLength;
    }
  }
  return [bytes];
}

function isToken(name: string): boolean {
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    const letter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
    const digit = code >= 0x30 && code <= 0x39;
    if (!letter && !digit && !"!#$%&'*+-.^_`|~".includes(name[at] as string)) return false;
  }
  return name.length > 0;
}

function isFieldValue(value: string): boolean {
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if ((code < 0x20 && code !== 0x09) || code > 0x7e) return false;
  }
  return true;
}

function printable(name: string): string {
  return isFieldValue(name) ? name : "(unprintable)";
}
