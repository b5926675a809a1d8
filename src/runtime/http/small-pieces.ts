/** Small pieces of a body put together: a byte that comes alone must not cost an object (R10). */
export class SmallPieces {
  #memory: Uint8Array = nothing;
  #size = 0;

  add(bytes: Uint8Array, from: number, end: number): void {
    const before = this.#size;
    this.#size += end - from;
    if (this.#size > this.#memory.length) this.#grow();
    if (end - from > 8) this.#memory.set(bytes.subarray(from, end), before);
    else
      for (let at = from; at < end; at += 1) this.#memory[before + at - from] = bytes[at] as number;
  }

  /** All of it as one piece, and begins anew. */
  moveTo(pieces: Uint8Array[]): void {
    if (this.#size === 0) return;
    pieces.push(this.#memory.subarray(0, this.#size));
    this.#memory = nothing;
    this.#size = 0;
  }

  /** Twice as much at least, so that each byte is copied twice at most; never what is only said. */
  #grow(): void {
    const larger = new Uint8Array(Math.max(this.#size, this.#memory.length * 2));
    larger.set(this.#memory);
    this.#memory = larger;
  }
}

const nothing = new Uint8Array(0);
