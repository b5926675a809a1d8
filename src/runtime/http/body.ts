/** The body of one request as it comes: by its length, or in chunks (RFC 9112, 7.1). */

import { limits } from "../../base/limits.ts";

type State = "length" | "size" | "chunk" | "chunkEnd" | "trailer" | "whole";

export class BodyReader {
  #state: State;
  #left: number;
  #line = "";
  #trailerBytes = 0;
  #chunks: Uint8Array[] = [];
  #size = 0;
  readonly #most: number;
  #tooLarge = false;

  /** `length` undefined: chunked. What is over `most` is read and not kept. */
  constructor(length: number | undefined, most: number) {
    this.#state = length === undefined ? "size" : "length";
    this.#left = length ?? 0;
    this.#most = most;
    if (this.#left > most) this.#tooLarge = true;
  }

  get tooLarge(): boolean {
    return this.#tooLarge;
  }

  /** Bytes that have come, kept or not. */
  get size(): number {
    return this.#size;
  }

  /** Where the body ended, -1 where it goes on, or what is wrong with it. */
  push(bytes: Buffer, start: number): number | string {
    let at = start;
    while (at < bytes.length && this.#state !== "whole") {
      const next = this.#step(bytes, at);
      if (typeof next === "string") return next;
      at = next;
    }
    return this.#state === "whole" ? at : -1;
  }

  /** All of it; its memory is the receiver's. */
  take(): Uint8Array {
    const chunks = this.#chunks;
    this.#chunks = [];
    const whole = Buffer.allocUnsafeSlow(this.#tooLarge ? 0 : this.#size);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  #keep(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#size > this.#most) {
      this.#tooLarge = true;
      this.#chunks = [];
    }
    if (!this.#tooLarge) this.#chunks.push(bytes);
  }

  #step(bytes: Buffer, at: number): number | string {
    switch (this.#state) {
      case "length":
      case "chunk": {
        const end = Math.min(bytes.length, at + this.#left);
        this.#keep(bytes.subarray(at, end));
        this.#left -= end - at;
        if (this.#left === 0) this.#state = this.#state === "length" ? "whole" : "chunkEnd";
        return end;
      }
      case "size": {
        const end = this.#readLine(bytes, at);
        if (typeof end === "string") return end;
        if (end < 0) return bytes.length;
        const size = chunkSize(this.#takeLine());
        if (size === undefined) return "bad chunk size";
        this.#left = size;
        this.#state = size === 0 ? "trailer" : "chunk";
        return end;
      }
      case "chunkEnd": {
        const end = this.#readLine(bytes, at);
        if (typeof end === "string") return end;
        if (end < 0) return bytes.length;
        if (this.#takeLine() !== "") return "bad end of a chunk";
        this.#state = "size";
        return end;
      }
      case "trailer": {
        const end = this.#readLine(bytes, at);
        if (typeof end === "string") return end;
        if (end < 0) return bytes.length;
        const line = this.#takeLine();
        this.#trailerBytes += line.length + 2;
        if (this.#trailerBytes > limits.requestHeadBytes) return "trailer too large";
        if (line === "") this.#state = "whole";
        return end;
      }
      case "whole":
        return at;
    }
  }

  /** Up to behind CRLF; -1: there is more to come. A bare LF or CR ends nothing. */
  #readLine(bytes: Buffer, at: number): number | string {
    const stop = bytes.indexOf(0x0a, at);
    const end = stop < 0 ? bytes.length : stop + 1;
    this.#line += bytes.toString("latin1", at, end);
    if (this.#line.length > limits.chunkLineBytes) return "chunk line too long";
    if (stop < 0) return -1;
    if (!this.#line.endsWith("\r\n") || this.#line.indexOf("\r") !== this.#line.length - 2) {
      return "a line without CRLF";
    }
    return end;
  }

  #takeLine(): string {
    const line = this.#line.slice(0, -2);
    this.#line = "";
    return line;
  }
}

/** `1*HEXDIG`, then extensions, which say nothing to us; up to 2^48 so that no sum loses a byte. */
function chunkSize(line: string): number | undefined {
  const end = line.indexOf(";");
  const digits = end < 0 ? line : line.slice(0, end);
  if (digits.length === 0 || digits.length > 12) return undefined;
  for (let at = 0; at < digits.length; at += 1) {
    const code = digits.charCodeAt(at);
    const letter = code | 0x20;
    const hex = (code >= 0x30 && code <= 0x39) || (letter >= 0x61 && letter <= 0x66);
    if (!hex) return undefined;
  }
  return Number.parseInt(digits, 16);
}
