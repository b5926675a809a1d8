/** 200 with small JSON as bytes, in one write. */

import { limits } from "../../base/limits.ts";

export type Pieces = readonly (string | Uint8Array)[];

/** Part of a memory that the next answer is written into: sent or copied by then. */
export interface Written {
  readonly memory: Uint8Array;
  start: number;
  end: number;
}

/** 200 with JSON; undefined where it does not fit. Holds until the next call. */
export function jsonAnswer(pieces: Pieces, nowMs: number, stays: boolean): Written | undefined {
  let most = headRoom;
  for (const piece of pieces) most += typeof piece === "string" ? piece.length * 3 : piece.length;
  if (most > scratch.length) return undefined;
  let at = headRoom;
  for (const piece of pieces) {
    if (typeof piece === "string") at += putText(piece, at);
    else {
      scratch.set(piece, at);
      at += piece.length;
    }
  }
  const head = headOf(nowMs, stays);
  // The head stands right before the body, whose length is known by now.
  const digitsAt = headRoom - putLength(at - headRoom);
  const start = digitsAt - head.length;
  // It mostly stands there from the answer before.
  if (head !== standing || start !== written.start) scratch.set(head, start);
  standing = head;
  written.start = start;
  written.end = at;
  return written;
}

/** Before the body, with the empty line: how many bytes. */
function putLength(length: number): number {
  scratch.set(emptyLine, headRoom - emptyLine.length);
  let at = headRoom - emptyLine.length;
  let left = length;
  do {
    at -= 1;
    scratch[at] = 0x30 + (left % 10);
    left = (left / 10) | 0;
  } while (left > 0);
  return headRoom - at;
}

/** Longer than any head of such an answer. */
const headRoom = 256;
const scratch = new Uint8Array(limits.unreadFromBytes * 4);
const written: Written = { memory: scratch, start: 0, end: 0 };
let standing: Uint8Array | undefined;
const encoder = new TextEncoder();
const emptyLine = encoder.encode("\r\n\r\n");

/** Bytes written. A short text is put there faster than it is handed over. */
function putText(text: string, at: number): number {
  if (text.length <= 128) {
    let index = 0;
    for (; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) break;
      scratch[at + index] = code;
    }
    if (index === text.length) return index;
  }
  return encoder.encodeInto(text, scratch.subarray(at)).written;
}

let second = -1;
let openHead: Uint8Array = new Uint8Array(0);
let lastHead: Uint8Array = new Uint8Array(0);

/** Up to the value of Content-Length, made once a second. */
function headOf(nowMs: number, stays: boolean): Uint8Array {
  const now = Math.floor(nowMs / 1000);
  if (now !== second) {
    second = now;
    const date = new Date(now * 1000).toUTCString();
    const fields = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: ${date}\r\n`;
    openHead = encoder.encode(`${fields}content-length: `);
    lastHead = encoder.encode(`${fields}connection: close\r\ncontent-length: `);
  }
  return stays ? openHead : lastHead;
}
