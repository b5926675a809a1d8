/** Answers as bytes: small JSON in one write, everything else as its body gives it. */

import { limits } from "../../base/limits.ts";

export type Pieces = readonly (string | Uint8Array)[];

/** Memory that an answer is put together in: sent or copied before the next one is. */
const scratch = Buffer.allocUnsafeSlow(limits.unreadFromBytes * 4);

export interface Written {
  readonly memory: Buffer;
  readonly end: number;
}

const written = { memory: scratch, end: 0 };

/** 200 with JSON; undefined where it does not fit. Holds until the next call. */
export function jsonAnswer(pieces: Pieces, nowMs: number, stays: boolean): Written | undefined {
  let size = 0;
  let most = 0;
  for (const piece of pieces) most += typeof piece === "string" ? piece.length * 3 : piece.length;
  const start = headRoom;
  if (start + most > scratch.length) return undefined;
  let at = start;
  for (const piece of pieces) {
    if (typeof piece === "string") at += putText(piece, at);
    else {
      scratch.set(piece, at);
      at += piece.length;
    }
  }
  size = at - start;
  const head = headOf(nowMs, stays);
  const digits = String(size);
  // The head stands right before the body, whose length is known by now.
  const from = start - head.length - digits.length - 4;
  scratch.set(head, from);
  scratch.latin1Write(digits, from + head.length);
  scratch[start - 4] = 13;
  scratch[start - 3] = 10;
  scratch[start - 2] = 13;
  scratch[start - 1] = 10;
  written.end = at;
  written.memory = scratch;
  begin = from;
  return written;
}

/** Where the last answer begins. */
export let begin = 0;

const headRoom = 256;

function putText(text: string, at: number): number {
  if (text.length <= 128) {
    let ascii = true;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        ascii = false;
        break;
      }
      scratch[at + index] = code;
    }
    if (ascii) return text.length;
  }
  return scratch.utf8Write(text, at);
}

let dated = -1;
let openHead = new Uint8Array();
let lastHead = new Uint8Array();

function headOf(nowMs: number, stays: boolean): Uint8Array {
  const second = Math.floor(nowMs / 1000);
  if (second !== dated) {
    dated = second;
    const date = new Date(second * 1000).toUTCString();
    const start = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: ${date}\r\n`;
    openHead = Buffer.from(`${start}content-length: `);
    lastHead = Buffer.from(`${start}connection: close\r\ncontent-length: `);
  }
  return stays ? openHead : lastHead;
}

/** Status line and fields, with the empty line. */
export function headText(
  response: Response,
  framing: string,
  nowMs: number,
  stays: boolean,
): string {
  let text = `HTTP/1.1 ${response.status} ${reasons[response.status] ?? ""}\r\n`;
  response.headers.forEach((value, name) => {
    if (!ours.has(name)) text += `${name}: ${value}\r\n`;
  });
  text += `date: ${new Date(nowMs).toUTCString()}\r\n${framing}`;
  return `${text}${stays ? "" : "connection: close\r\n"}\r\n`;
}

const ours = new Set(["content-length", "transfer-encoding", "connection", "date"]);

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  202: "Accepted",
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  413: "Payload Too Large",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};
