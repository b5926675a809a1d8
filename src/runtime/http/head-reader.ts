/**
 * Heads out of the bytes of one connection. Clients send the same head with each request, but for
 * the length of the body: such a head is recognised and not read again.
 */

import { limits } from "../../base/limits.ts";
import { type BadHead, type Head, isBad, parseHead } from "./head.ts";

export class HeadReader {
  /** Of the last read: its head, the bytes of its body, and where it ended. */
  head!: Head;
  length = 0;
  end = 0;
  #same: Remembered | undefined;

  /** "more": the head is not complete. */
  read(bytes: Buffer, start: number): "head" | "more" | BadHead {
    const same = this.#same;
    if (same !== undefined && this.#again(same, bytes, start)) return "head";
    const stop = bytes.indexOf("\r\n\r\n", start, "latin1");
    const size = (stop < 0 ? bytes.length : stop) - start;
    if (size > limits.requestHeadBytes) return tooLarge;
    if (stop < 0) return "more";
    const head = parseHead(bytes.toString("latin1", start, stop));
    if (isBad(head)) return head;
    this.head = head;
    this.length = head.length;
    this.end = stop + 4;
    this.#same = remember(head, bytes, start, stop + 4);
    return "head";
  }

  #again(same: Remembered, bytes: Buffer, start: number): boolean {
    const { before, after } = same;
    let at = start + before.length;
    if (at + after.length >= bytes.length) return false;
    if (bytes.compare(before, 0, before.length, start, at) !== 0) return false;
    const digits = at;
    let length = 0;
    for (; at < digits + 15; at += 1) {
      const digit = (bytes[at] as number) - 0x30;
      if (!(digit >= 0 && digit <= 9)) break;
      length = length * 10 + digit;
    }
    const end = at + after.length;
    if (at === digits || end > bytes.length) return false;
    if (bytes.compare(after, 0, after.length, at, end) !== 0) return false;
    this.head = same.head;
    this.length = length;
    this.end = end;
    return true;
  }
}

const tooLarge: BadHead = { status: 431, why: "the header fields are too large" };

/** The bytes before and behind the digits of Content-Length; with the empty line. */
interface Remembered {
  readonly head: Head;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

function remember(head: Head, bytes: Buffer, start: number, end: number): Remembered | undefined {
  if (head.chunked || head.waits || end - start > limits.requestHeadKeptBytes) return undefined;
  const text = bytes.toString("latin1", start, end);
  const name = text.toLowerCase().indexOf(lengthField);
  if (name < 0) return undefined;
  let at = name + lengthField.length;
  while (text[at] === " ") at += 1;
  let stop = at;
  while (
    text[stop] !== undefined &&
    (text[stop] as string) >= "0" &&
    (text[stop] as string) <= "9"
  ) {
    stop += 1;
  }
  // Else what is behind the digits would belong to them.
  if (stop === at || text.slice(stop, stop + 2) !== "\r\n") return undefined;
  return {
    head,
    before: Uint8Array.from(bytes.subarray(start, start + at)),
    after: Uint8Array.from(bytes.subarray(start + stop, end)),
  };
}

const lengthField = "\r\ncontent-length:";
