/** Lines out of chunks, without joining what came before again and again (U13). */

import { createGathered } from "./gathered.ts";

export interface LineReader {
  push(chunk: Uint8Array): void;
}

const lineFeed = 10;

/**
 * `line` gets each line without its line feed; `tooLong` is told once when a line exceeds `max`
 * bytes, and nothing comes after it. Chunks are kept, not copied.
 */
export function createLineReader(
  max: number,
  on: { line(bytes: Uint8Array): void; tooLong(): void },
): LineReader {
  const begun = createGathered();
  let over = false;

  function keep(part: Uint8Array): void {
    begun.add(part);
    if (begun.size <= max) return;
    over = true;
    begun.clear();
    on.tooLong();
  }

  function take(last: Uint8Array): Uint8Array {
    if (begun.size === 0) return last;
    begun.add(last);
    return begun.take();
  }

  return {
    push(chunk) {
      let from = 0;
      while (!over) {
        const end = chunk.indexOf(lineFeed, from);
        if (end < 0) break;
        if (begun.size + end - from > max) return keep(chunk.subarray(from, end));
        const line = take(chunk.subarray(from, end));
        if (line.length > 0) on.line(line);
        from = end + 1;
      }
      if (!over && from < chunk.length) keep(chunk.subarray(from));
    },
  };
}
