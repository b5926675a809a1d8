/**
 * Heads out of the bytes of one connection. Clients send the same head with each request, but for
 * the length of the body: such a head is recognised and not read again.
 */

import { limits } from "../../base/limits.ts";
import { type BadHead, type Head, isBad, type ParsedHead, parseHead } from "./head.ts";

export class HeadReader {
  /** Of the last read: its head, the bytes of its body, and where it ended. */
  head!: Head;
  length = 0;
  end = 0;
  #same: Remembered | undefined;

  /** "more": the head is not complete; `bytes` from `start` on are wanted again, with more. */
  read(bytes: Buffer, start: number): "head" | "more" | BadHead {
    const from = bytes[start] === cr ? pastEmptyLines(bytes, start) : start;
    if (from < 0) return emptyLines;
    const same = this.#same;
    if (same !== undefined && this.#again(same, bytes, from)) return "head";
    return this.#parse(bytes, from);
  }

  #parse(bytes: Buffer, from: number): "head" | "more" | BadHead {
    if (bytes[from] === clientHello) return tls;
    const stop = bytes.indexOf("\r\n\r\n", from, "latin1");
    if (stop < 0) return unfinished(bytes, from);
    if (stop - from > limits.requestHeadBytes) return tooLarge;
    const text = bytes.toString("latin1", from, stop);
    const head = parseHead(text);
    if (isBad(head)) return head;
    this.head = head;
    this.length = head.length;
    this.end = stop + 4;
    this.#same = remember(head, text, bytes, from);
    return "head";
  }

  /** Nothing is allocated here: it runs for each request. */
  #again(same: Remembered, bytes: Buffer, start: number): boolean {
    const { head, before, after } = same;
    let at = start + before.length;
    if (at + after.length >= bytes.length) return false;
    if (bytes.compare(before, 0, before.length, start, at) !== 0) return false;
    const digits = at;
    let length = 0;
    // A sixteenth digit is no start of what comes after them: parseHead refuses it.
    for (; at < digits + 15; at += 1) {
      const digit = (bytes[at] as number) - 0x30;
      if (!(digit >= 0 && digit <= 9)) break;
      length = length * 10 + digit;
    }
    const end = at + after.length;
    if (at === digits || end > bytes.length) return false;
    if (bytes.compare(after, 0, after.length, at, end) !== 0) return false;
    head.length = length;
    head.fields.length = length;
    this.head = head;
    this.length = length;
    this.end = end;
    return true;
  }
}

const cr = 0x0d;
const lf = 0x0a;
/** The first byte of TLS. */
const clientHello = 0x16;

const tls: BadHead = { status: 400, why: "the client speaks TLS, and this port does not" };
const tooLarge: BadHead = { status: 431, why: "the header fields are too large" };
const emptyLines: BadHead = { status: 400, why: "empty lines instead of a request" };
const noLine: BadHead = { status: 400, why: "control character, or a line without CRLF" };

/** RFC 9112, 2.2: a few before a request are passed over; -1 where they are more. */
function pastEmptyLines(bytes: Buffer, start: number): number {
  let from = start;
  while (bytes[from] === cr && bytes[from + 1] === lf) {
    from += 2;
    if (from - start > limits.emptyLines * 2) return -1;
  }
  return from;
}

/** No reason to wait for the rest of what will be refused: who sends it may wait for an answer. */
function unfinished(bytes: Buffer, from: number): "more" | BadHead {
  // Up to three bytes may be of the empty line.
  if (bytes.length - from - 3 > limits.requestHeadBytes) return tooLarge;
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte >= 0x20 || byte === 0x09) continue;
    if (byte !== cr || (at + 1 < bytes.length && bytes[at + 1] !== lf)) return noLine;
    at += 1;
  }
  return "more";
}

/** The bytes before and behind the digits of Content-Length; with the empty line. */
interface Remembered {
  readonly head: ParsedHead;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

function remember(
  head: ParsedHead,
  text: string,
  bytes: Buffer,
  from: number,
): Remembered | undefined {
  if (text.length > limits.requestHeadKeptBytes) return undefined;
  const name = text.toLowerCase().indexOf(lengthField);
  if (name < 0) return undefined;
  // Spaces, then digits and nothing else: parseHead saw to it.
  let at = name + lengthField.length;
  while (text.charCodeAt(at) === 0x20) at += 1;
  const line = text.indexOf("\r\n", at);
  const stop = line < 0 ? text.length : line;
  return {
    head,
    before: new Uint8Array(bytes.subarray(from, from + at)),
    after: new Uint8Array(bytes.subarray(from + stop, from + text.length + 4)),
  };
}

const lengthField = "\r\ncontent-length:";
