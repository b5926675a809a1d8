/** The elements of a JSON array as they were written. */

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];

/**
 * Byte spans of the elements of the array at [start, end), which must be valid JSON already:
 * lists are relayed as their server wrote them, unknown members and long numbers included.
 */
export function elementSpans(
  bytes: Uint8Array,
  [start, end]: readonly [number, number],
): readonly (readonly [number, number])[] {
  const spans: [number, number][] = [];
  let depth = 0;
  let from = -1;
  let to = -1;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number;
    if (byte <= 0x20) continue;
    if (depth === 1 && (byte === comma || byte === 0x5d)) {
      if (from >= 0) spans.push([from, to]);
      from = -1;
      if (byte === 0x5d) break;
      continue;
    }
    if (depth === 1 && from < 0) from = at;
    if (byte === quote) at = closingQuote(bytes, at);
    else if (byte === 0x5b || byte === 0x7b) depth += 1;
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    to = at + 1;
  }
  return spans;
}

function closingQuote(bytes: Uint8Array, opening: number): number {
  let at = opening + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}
