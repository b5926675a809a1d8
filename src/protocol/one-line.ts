/**
 * Line ends may stand between JSON tokens, but on stdio they end a message: what follows would be
 * read as another one, which nobody decided. In strict JSON they are never inside a string, so a
 * space in their place changes no value and no length.
 */

/** Replaces line feeds and carriage returns in place, in JSON that was read strictly. */
export function toOneLine(bytes: Uint8Array): void {
  for (const end of lineEnds) {
    for (let at = bytes.indexOf(end); at >= 0; at = bytes.indexOf(end, at + 1)) bytes[at] = space;
  }
}

/** The same of text or bytes that must not be changed; gives back what needs no change. */
export function oneLine(part: string | Uint8Array): string | Uint8Array {
  if (typeof part === "string") {
    if (!part.includes("\n") && !part.includes("\r")) return part;
    return part.replaceAll("\n", " ").replaceAll("\r", " ");
  }
  if (!lineEnds.some((end) => part.includes(end))) return part;
  // The `slice` of a Buffer is no copy.
  const copy = new Uint8Array(part);
  toOneLine(copy);
  return copy;
}

const lineEnds = [0x0a, 0x0d] as const;
const space = 0x20;
