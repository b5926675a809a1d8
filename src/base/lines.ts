/** Lines out of chunks, without joining what came before again and again (U13). */

export interface LineReader {
  push(chunk: Uint8Array): void;
}

const lineFeed = 10;
/** Chunks of one byte each would cost a view each: so many are copied into one. */
const partsOfBlock = 512;

/**
 * `line` gets each line without its line feed; `tooLong` is told once when a line exceeds `max`
 * bytes, and nothing comes after it. Chunks are kept, not copied.
 */
export function createLineReader(
  max: number,
  on: { line(bytes: Uint8Array): void; tooLong(): void },
): LineReader {
  let blocks: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let size = 0;
  let over = false;

  function keep(part: Uint8Array): void {
    parts.push(part);
    size += part.length;
    if (parts.length === partsOfBlock) {
      blocks.push(Buffer.concat(parts));
      parts = [];
    }
    if (size <= max) return;
    over = true;
    [blocks, parts] = [[], []];
    on.tooLong();
  }

  function take(last: Uint8Array): Uint8Array {
    if (size === 0) return last;
    const whole = Buffer.concat([...blocks, ...parts, last]);
    [blocks, parts] = [[], []];
    size = 0;
    return whole;
  }

  return {
    push(chunk) {
      let from = 0;
      while (!over) {
        const end = chunk.indexOf(lineFeed, from);
        if (end < 0) break;
        if (size + end - from > max) return keep(chunk.subarray(from, end));
        const line = take(chunk.subarray(from, end));
        if (line.length > 0) on.line(line);
        from = end + 1;
      }
      if (!over && from < chunk.length) keep(chunk.subarray(from));
    },
  };
}
