/** The elements of a JSON array as they stand in its bytes: each is read as strictly as one. */

/** Byte spans [start, end). `bytes` must be a JSON array already. */
export function arrayParts(bytes: Uint8Array): readonly (readonly [number, number])[] {
  const parts: [number, number][] = [];
  let depth = 0;
  let start = -1;
  let end = -1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === space || byte === tab || byte === lf || byte === cr) continue;
    if (byte === open && depth === 0) {
      depth = 1;
      continue;
    }
    if (depth === 1 && (byte === comma || byte === close)) {
      if (start !== -1) parts.push([start, end]);
      start = -1;
      if (byte === close) return parts;
      continue;
    }
    if (start === -1) start = at;
    if (byte === quote) at = endOfString(bytes, at);
    else if (byte === open || byte === openObject) depth += 1;
    else if (byte === close || byte === closeObject) depth -= 1;
    end = at + 1;
  }
  return parts;
}

const [tab, lf, cr, space, quote, comma] = [0x09, 0x0a, 0x0d, 0x20, 0x22, 0x2c];
const [open, backslash, close, openObject, closeObject] = [0x5b, 0x5c, 0x5d, 0x7b, 0x7d];

/** Index of the closing quote. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}
