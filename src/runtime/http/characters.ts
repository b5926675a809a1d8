/** Which characters may stand where in a head. Its text is latin1: a code is a byte. */

export type Kind = number;

/** Names, methods, options (RFC 9110, 5.6.2). */
export const token: Kind = 1;
/** Of a value: no NUL, CR, LF or other control but the tab (RFC 9110, 5.5). */
export const value: Kind = 2;
/** Of a request target: visible, and no `#`, as a fragment is never sent (RFC 9112, 3.2). */
export const target: Kind = 4;
/** Of a path that every reader takes as it stands: nothing of it is resolved or escaped. */
export const plain: Kind = 8;
/** Of a host's name (RFC 3986, 3.2.2), but for `%`, which some readers decode. */
export const hostName: Kind = 16;
/** Of an IPv6 address, with its brackets. */
export const address: Kind = 32;
export const digit: Kind = 64;

export function all(text: string, kind: Kind, from = 0, to = text.length): boolean {
  for (let at = from; at < to; at += 1) {
    if (((kinds[text.charCodeAt(at)] ?? 0) & kind) === 0) return false;
  }
  return true;
}

/** Without the spaces and tabs around it; nothing else is cut off. */
export function trimmed(text: string, from = 0, to = text.length): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

const isBlank = (code: number) => code === 0x20 || code === 0x09;

const kinds = kindsOfBytes();

function kindsOfBytes(): Uint8Array {
  const of = new Uint8Array(256);
  const add = (characters: string, kind: Kind) => {
    for (const one of characters) of[one.charCodeAt(0)] = (of[one.charCodeAt(0)] ?? 0) | kind;
  };
  const digits = "0123456789";
  const hex = "abcdefABCDEF";
  const letters = "abcdefghijklmnopqrstuvwxyz";
  const word = `${digits}${letters}${letters.toUpperCase()}`;
  const visible = String.fromCharCode(...Array.from({ length: 94 }, (_, at) => at + 0x21));
  const high = String.fromCharCode(...Array.from({ length: 128 }, (_, at) => at + 0x80));
  add(`${word}!#$%&'*+-.^_\`|~`, token);
  add(`\t ${visible}${high}`, value);
  add(visible.replace("#", ""), target);
  add(`${word}/_~-`, plain);
  add(`${word}-._~!$&'()*+,;=`, hostName);
  add(`${digits}${hex}:.[]`, address);
  add(digits, digit);
  return of;
}
