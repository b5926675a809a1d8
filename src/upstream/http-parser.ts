/** A strict HTTP/1.1 response parser: what is doubtful ends the connection (RFC 9112, F27). */

import { cut } from "../base/cut.ts";
import { limits } from "../base/limits.ts";
import { HttpError } from "./http-error.ts";
import { type Fields, type Head, parseHead } from "./http-head.ts";

export interface ResponseEvents {
  /** The final status and header fields; 1xx answers are skipped. `length`: bytes when declared. */
  head(status: number, fields: Fields, length: number | undefined): void;
  body(chunk: Uint8Array): void;
  /** The response is complete; `reusable`: the connection may carry another request. */
  end(reusable: boolean): void;
}

export interface ResponseParser {
  /** Another request was written: its response is the next to come. */
  expect(): void;
  /** Throws HttpError where the bytes are no valid response, or nobody asked for one. */
  push(chunk: Uint8Array): void;
  /** The server closed; throws HttpError in the midst of a response. */
  closed(): void;
}

type State = "idle" | "head" | "length" | "untilClose" | "size" | "chunk" | "chunkEnd" | "trailer";

export function createResponseParser(on: ResponseEvents): ResponseParser {
  let state: State = "idle";
  let left = 0;
  let kept: Uint8Array = none;
  let reusable = true;
  let interim = 0;
  /** The last head up to its empty line: most servers send the very same for each answer. */
  let lastHead: Head | undefined;
  let lastText: Uint8Array = none;

  function finish(rest: number): void {
    state = "idle";
    // Bytes after the end belong to no request.
    on.end(reusable && rest === 0);
    if (rest > 0) throw new HttpError("bytes after the end of the response");
  }

  /** Each reads from `at` and gives where it stopped; -1 when it needs more bytes. */
  function readHead(bytes: Buffer, at: number): number {
    if (lastHead !== undefined && startsWith(bytes, at, lastText)) {
      return enterBody(lastHead, bytes, at + lastText.length);
    }
    const end = bytes.indexOf("\r\n\r\n", at, "latin1");
    const size = (end < 0 ? bytes.length : end) - at;
    if (size > limits.upstreamHeaderBytes) throw new HttpError("header block too large");
    if (end < 0) return -1;
    const head = parseHead(bytes.toString("latin1", at, end));
    if (head.status < 200) {
      interim += 1;
      if (head.status === 101 || interim > 8) throw new HttpError("unexpected 1xx answer");
      return end + 4;
    }
    if (end + 4 - at <= rememberedMost) {
      lastText = Buffer.from(bytes.subarray(at, end + 4));
      lastHead = head;
    }
    return enterBody(head, bytes, end + 4);
  }

  function enterBody(head: Head, bytes: Buffer, next: number): number {
    reusable = head.keepAlive;
    on.head(head.status, head.fields, head.framing === "length" ? head.length : undefined);
    if (head.framing === "length") {
      left = head.length;
      state = "length";
    } else if (head.framing === "chunked") state = "size";
    else {
      reusable = false;
      state = "untilClose";
    }
    if (state === "length" && left === 0) finish(bytes.length - next);
    return next;
  }

  function readBody(bytes: Buffer, at: number): number {
    const take = Math.min(left, bytes.length - at);
    if (take > 0) on.body(at === 0 && take === bytes.length ? bytes : cut(bytes, at, at + take));
    left -= take;
    return at + take;
  }

  function readLine(bytes: Buffer, at: number): [string, number] | undefined {
    const end = bytes.indexOf("\r\n", at, "latin1");
    const size = (end < 0 ? bytes.length : end) - at;
    if (size > limits.chunkLineBytes) throw new HttpError("chunk line too long");
    return end < 0 ? undefined : [bytes.toString("latin1", at, end), end + 2];
  }

  function step(bytes: Buffer, at: number): number {
    switch (state) {
      case "idle":
        throw new HttpError("bytes that nobody asked for");
      case "head":
        return readHead(bytes, at);
      case "length": {
        // Who copied the body may have freed the chunk, which has no length then.
        const size = bytes.length;
        const next = readBody(bytes, at);
        if (left === 0) finish(size - next);
        return next;
      }
      case "untilClose":
        on.body(bytes.subarray(at));
        return bytes.length;
      case "size": {
        const line = readLine(bytes, at);
        if (line === undefined) return -1;
        left = chunkSize(line[0]);
        state = left === 0 ? "trailer" : "chunk";
        return line[1];
      }
      case "chunk": {
        const next = readBody(bytes, at);
        if (left === 0) state = "chunkEnd";
        return next;
      }
      case "chunkEnd": {
        if (bytes.length - at < 2) return -1;
        if (bytes[at] !== 13 || bytes[at + 1] !== 10) throw new HttpError("bad end of a chunk");
        state = "size";
        return at + 2;
      }
      case "trailer": {
        const line = readLine(bytes, at);
        if (line === undefined) return -1;
        if (line[0] === "") finish(bytes.length - line[1]);
        return line[1];
      }
    }
  }

  return {
    expect() {
      state = "head";
      interim = 0;
    },
    push(chunk) {
      const bytes = kept.length === 0 ? buffer(chunk) : Buffer.concat([kept, chunk]);
      kept = none;
      let at = 0;
      while (at < bytes.length) {
        const next = step(bytes, at);
        if (next < 0) {
          kept = bytes.subarray(at);
          return;
        }
        at = next;
      }
    },
    closed() {
      if (state === "untilClose") {
        state = "idle";
        on.end(false);
      } else if (state !== "idle") throw new HttpError("closed in the midst of a response");
    },
  };
}

const none = new Uint8Array(0);
/** Bytes of a head that is kept. */
const rememberedMost = 1024;

function startsWith(bytes: Buffer, at: number, text: Uint8Array): boolean {
  const end = at + text.length;
  return end <= bytes.length && bytes.compare(text, 0, text.length, at, end) === 0;
}

function buffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk)
    ? chunk
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** `1*HEXDIG`, then extensions, which are ignored; up to 2^48 so that no sum loses a byte. */
function chunkSize(line: string): number {
  const end = line.indexOf(";");
  const digits = (end < 0 ? line : line.slice(0, end)).trimEnd();
  if (digits.length === 0 || digits.length > 12) throw new HttpError("bad chunk size");
  for (let at = 0; at < digits.length; at += 1) {
    const code = digits.charCodeAt(at) | 0x20;
    const hex = (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);
    if (!hex) throw new HttpError("bad chunk size");
  }
  return Number.parseInt(digits, 16);
}
