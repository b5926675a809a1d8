/** Server-sent events: a decoder for byte chunks of any size, and the encoder. */

import { Buffer } from "node:buffer";

interface SseEvent {
  /** "message" when the stream names none. */
  readonly event: string;
  /** Data lines joined by LF; empty when there were none. Valid until the next push. */
  readonly data: Uint8Array;
  readonly id?: string;
  /** Milliseconds. */
  readonly retry?: number;
}

export interface SseDecoder {
  push(chunk: Uint8Array): void;
  /** Whether an event or line has begun and not ended. */
  isWithin(): boolean;
}

export interface SseOptions {
  /** Bytes of one event, and of one line of any kind. */
  readonly maxBytes: number;
  /** Also told of events with an id or retry and no data, which browsers keep to themselves. */
  event(event: SseEvent): void;
  /** Once, with the bytes that there are so far; all that follows is ignored. */
  tooLarge(seen: number): void;
}

const [lf, cr, colon, space] = [0x0a, 0x0d, 0x3a, 0x20];

/**
 * Takes CR, LF and CRLF, a BOM, comments. An event without its empty line at the end never comes.
 */
export function createSseDecoder(options: SseOptions): SseDecoder {
  const line = growing(options.maxBytes);
  const fields = eventFields(options);
  let over = false;
  let first = true;
  // The chunk before ended in CR: a LF at the start of the next one belongs to it.
  let afterCr = false;

  function endLine(chunk: Uint8Array, start: number, end: number): void {
    let whole = chunk.subarray(start, end);
    if (line.size() > 0) {
      line.add(whole);
      whole = line.take();
    }
    if (first && whole[0] === 0xef && whole[1] === 0xbb && whole[2] === 0xbf) {
      whole = whole.subarray(3);
    }
    first = false;
    fields.line(whole);
  }

  return {
    push(chunk) {
      if (over || chunk.length === 0) return;
      let start = afterCr && chunk[0] === lf ? 1 : 0;
      afterCr = false;
      // Each search goes on from its last find, or many lines before one far CR would be slow.
      let [nextLf, nextCr] = [-1, -1];
      while (start < chunk.length) {
        if (nextLf < start) nextLf = find(chunk, lf, start);
        if (nextCr < start) nextCr = find(chunk, cr, start);
        const end = Math.min(nextLf, nextCr);
        const seen = line.size() + (end - start) + fields.size();
        over = seen > options.maxBytes;
        if (over) return options.tooLarge(seen);
        if (end === chunk.length) {
          line.add(chunk.subarray(start));
          break;
        }
        endLine(chunk, start, end);
        start = end + 1;
        if (chunk[end] !== cr) continue;
        if (start === chunk.length) afterCr = true;
        else if (chunk[start] === lf) start += 1;
      }
      fields.keep();
    },
    isWithin: () => line.size() + fields.size() > 0,
  };
}

/** One event: data lines are split so that line breaks inside JSON cannot end it. */
export function sseEvent(data: string, id?: string): string {
  const head = id === undefined ? "event: message" : `id: ${id}\nevent: message`;
  if (!data.includes("\n") && !data.includes("\r")) return `${head}\ndata: ${data}\n\n`;
  return `${head}\ndata: ${lines(data).join("\ndata: ")}\n\n`;
}

/** An event without data that gives a place to come back to, and a time (2025-11-25, SEP-1699). */
export function ssePrime(id: string, retryMs: number): string {
  return `id: ${id}\nretry: ${retryMs}\ndata: \n\n`;
}

/** What readers ignore, and proxies take for life. */
export function sseComment(text: string): string {
  return `: ${lines(text).join(" ")}\n\n`;
}

function lines(text: string): string[] {
  return text.replaceAll("\r\n", "\n").replaceAll("\r", "\n").split("\n");
}

interface Fields {
  line(bytes: Uint8Array): void;
  /** Data bytes of the event so far. */
  size(): number;
  /** Copies what still points into the last chunk. */
  keep(): void;
}

function eventFields(options: SseOptions): Fields {
  /** The first data line, as a rule the only one. Of several all are in `more` (R10). */
  let data: Uint8Array | undefined;
  const more = growing(options.maxBytes);
  let copied = false;
  let lines = 0;
  let size = 0;
  let event = "";
  let id: string | undefined;
  let retry: number | undefined;

  function dispatch(): void {
    const told = {
      event: event === "" ? "message" : event,
      data: (lines > 1 ? more.take() : data) ?? none,
      ...(id === undefined ? {} : { id }),
      ...(retry === undefined ? {} : { retry }),
    };
    const something = lines > 0 || id !== undefined || retry !== undefined;
    [data, copied, lines, size] = [undefined, false, 0, 0];
    [event, id, retry] = ["", undefined, undefined];
    if (something) options.event(told);
  }

  function addData(value: Uint8Array): void {
    lines += 1;
    size += value.length + 1;
    if (lines === 1) {
      data = value;
      return;
    }
    if (lines === 2) more.add(data ?? none);
    more.add(lineFeed);
    if (value.length > 0) more.add(value);
  }

  return {
    line(bytes) {
      if (bytes.length === 0) return dispatch();
      if (isData(bytes)) return addData(bytes.subarray(bytes[5] === space ? 6 : 5));
      const at = bytes.subarray(0, longestName + 1).indexOf(colon);
      const name = text(bytes.subarray(0, at === -1 ? longestName + 1 : at));
      const from = at === -1 ? bytes.length : at + (bytes[at + 1] === space ? 2 : 1);
      const value = bytes.subarray(from);
      // Without a colon.
      if (name === "data") addData(value);
      else if (name === "event") event = text(value);
      else if (name === "id" && !value.includes(0)) id = text(value);
      else if (name === "retry" && isDigits(value)) retry = Number(text(value));
    },
    size: () => size,
    keep() {
      if (lines !== 1 || copied) return;
      data = data?.slice();
      copied = true;
    },
  };
}

/** `data:`, which most lines are. */
function isData(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x64 || bytes[1] !== 0x61 || bytes[2] !== 0x74) return false;
  return bytes[3] === 0x61 && bytes[4] === colon;
}

const longestName = "event".length;
const none = new Uint8Array(0);
const lineFeed = Uint8Array.of(lf);

function isDigits(value: Uint8Array): boolean {
  return (
    value.length > 0 && value.length < 16 && value.every((byte) => byte >= 0x30 && byte <= 0x39)
  );
}

function find(bytes: Uint8Array, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at === -1 ? bytes.length : at;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}

/** Bytes of an unfinished line, up to `most`; doubling keeps a huge line in tiny chunks linear. */
function growing(most: number): {
  add(part: Uint8Array): void;
  take(): Uint8Array;
  size(): number;
} {
  let buffer = new Uint8Array(0);
  let used = 0;
  return {
    add(part) {
      if (used + part.length > buffer.length) {
        const needed = used + part.length;
        // What it was before is free at once, and does not wait for the collector.
        const size = Math.max(needed, Math.min(most, 1024 + 2 * needed));
        buffer = new Uint8Array(buffer.buffer.transfer(size));
      }
      buffer.set(part, used);
      used += part.length;
    },
    take() {
      const whole = buffer.subarray(0, used);
      [buffer, used] = [new Uint8Array(0), 0];
      return whole;
    },
    size: () => used,
  };
}
