/** Keys that somebody sent as a name: what is recorded of the name must not hold them (F9, A18). */

const prefix = "agw_";
/** Of base64url, behind the prefix: see access/token.ts. */
const bodyChars = 43;

/** The text with `agw_[hidden]` for each. */
export function withoutKeys(text: string): string {
  let at = text.indexOf(prefix);
  if (at === -1) return text;
  let shown = "";
  let copied = 0;
  while (at !== -1) {
    const from = at + prefix.length;
    let end = from;
    // All that could be of one: where it begins nobody knows.
    while (end < text.length && isBase64Url(text.charCodeAt(end))) end += 1;
    if (end - from >= bodyChars) {
      shown += `${text.slice(copied, from)}[hidden]`;
      copied = end;
    }
    at = text.indexOf(prefix, end);
  }
  return shown + text.slice(copied);
}

export function isBase64Url(code: number): boolean {
  if (code >= 0x61 && code <= 0x7a) return true;
  if (code >= 0x41 && code <= 0x5a) return true;
  return (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x5f;
}
