/** The body of one request as it comes: by its length, or in chunks (RFC 9112, 7.1). */

import { freeMemory } from "../../base/free-memory.ts";
import { limits } from "../../base/limits.ts";
import { takeMemory } from "../../base/spare-memory.ts";
import { chunkSize, LineReader } from "./chunk-line.ts";
import { SmallPieces } from "./small-pieces.ts";

type State = "length" | "size" | "chunk" | "chunkEnd" | "trailer" | "whole";

export class BodyReader {
  #state: State;
  #left: number;
  readonly #most: number;
  readonly #head: number;
  readonly #line = new LineReader();
  #trailerBytes = 0;
  /** What came so far, in order: whole pieces as they came, and small ones put together. */
  #pieces: Uint8Array[] = [];
  #small = new SmallPieces();
  #size = 0;
  #keeps = true;
  /** More bytes than are kept, said or come. */
  tooLarge = false;

  /** `length` undefined: chunked. `head`: bytes of its own head, which nobody needs any more. */
  constructor(length: number | undefined, most: number, head = 0) {
    this.#state = length === undefined ? "size" : "length";
    this.#left = length ?? 0;
    this.#most = most;
    this.#head = head;
    if (this.#left > most) this.#overflow();
  }

  /** Bytes that have come, kept or not. */
  get size(): number {
    return this.#size;
  }

  /** Nobody wants it any more: what comes is let pass. */
  drop(): void {
    this.#keeps = false;
    this.#pieces = [];
    this.#small = new SmallPieces();
  }

  /** Where the body ended, -1 where it goes on, or what is wrong with it. */
  push(bytes: Uint8Array, start: number): number | string {
    let at = start;
    while (at < bytes.length && this.#state !== "whole") {
      const next = this.#step(bytes, at);
      if (typeof next === "string") return next;
      at = next;
    }
    return this.#state === "whole" ? at : -1;
  }

  /** All of it, once; empty where it was not kept. */
  take(): Uint8Array {
    if (!this.#keeps) return nothing;
    this.#small.moveTo(this.#pieces);
    const pieces = this.#pieces;
    this.#pieces = [];
    const only = pieces[0];
    if (only !== undefined && pieces.length === 1) return only;
    const whole = takeMemory(this.#size);
    let at = 0;
    let before = this.#head;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
      // Not where more than its head stands before it in its chunk: an earlier request's body.
      freeMemory(piece, before);
      before = 0;
    }
    return whole;
  }

  #step(bytes: Uint8Array, at: number): number | string {
    if (this.#state === "length" || this.#state === "chunk") {
      const end = Math.min(bytes.length, at + this.#left);
      this.#keep(bytes, at, end);
      this.#left -= end - at;
      if (this.#left === 0) this.#state = this.#state === "length" ? "whole" : "chunkEnd";
      return end;
    }
    const end = this.#line.read(bytes, at);
    if (typeof end === "string") return end;
    if (end < 0) return bytes.length;
    return this.#lineRead(this.#line.take()) ?? end;
  }

  /** What is wrong with it, or undefined. */
  #lineRead(line: string): string | undefined {
    if (this.#state === "size") {
      const size = chunkSize(line);
      if (size === undefined) return "bad chunk size";
      this.#left = size;
      this.#state = size === 0 ? "trailer" : "chunk";
    } else if (this.#state === "chunkEnd") {
      if (line !== "") return "bad end of a chunk";
      this.#state = "size";
    } else {
      this.#trailerBytes += line.length + 2;
      if (this.#trailerBytes > limits.requestHeadBytes) return "the trailer is too large";
      if (line === "") this.#state = "whole";
    }
    return undefined;
  }

  #keep(bytes: Uint8Array, from: number, end: number): void {
    this.#size += end - from;
    if (this.#size > this.#most) this.#overflow();
    if (!this.#keeps) return;
    if (isWhole(bytes, end - from)) {
      this.#small.moveTo(this.#pieces);
      this.#pieces.push(bytes.subarray(from, end));
    } else this.#small.add(bytes, from, end);
  }

  #overflow(): void {
    this.tooLarge = true;
    this.drop();
  }
}

const nothing = new Uint8Array(0);

/** Most of what came: kept as it is, it holds no more than twice its bytes (R10). */
function isWhole({ buffer }: Uint8Array, size: number): boolean {
  return size >= limits.bodyPieceBytes && size * 2 >= buffer.byteLength;
}
