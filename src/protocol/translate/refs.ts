/** References inside a JSON Schema that moves to another place of its document. */

/**
 * The schema's text with each `$ref` and `$dynamicRef` of the form `#` or `#/…` starting at `base`
 * instead. Names (`#item`) and other documents stay. An object with an `$id` of its own is not told
 * apart: such a schema may lose a reference, and never gains a wrong document.
 */
export function rebased(schema: string, base: string): string {
  let out = "";
  let copied = 0;
  for (let at = schema.indexOf('"'); at !== -1; at = schema.indexOf('"', at)) {
    const end = stringEnd(schema, at);
    const value = isReference(schema.slice(at, end)) ? valueStart(schema, end) : -1;
    at = end;
    if (value === -1) continue;
    const valueEnd = stringEnd(schema, value);
    at = valueEnd;
    const target = JSON.parse(schema.slice(value, valueEnd)) as string;
    if (target !== "#" && !target.startsWith("#/")) continue;
    out += schema.slice(copied, value) + JSON.stringify(base + target.slice(1));
    copied = valueEnd;
  }
  return out + schema.slice(copied);
}

function isReference(key: string): boolean {
  return key === '"$ref"' || key === '"$dynamicRef"';
}

/** Start of the string that is the value of the key that ends before `at`; -1 for anything else. */
function valueStart(text: string, at: number): number {
  const colon = skipSpace(text, at);
  if (text[colon] !== ":") return -1;
  const start = skipSpace(text, colon + 1);
  return text[start] === '"' ? start : -1;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1;
  return at;
}

/** Index after the closing quote of the string whose opening quote is at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}
