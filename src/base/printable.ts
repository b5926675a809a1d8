/**
 * Text from outside made safe for a terminal or a log (T1): what a terminal would act on becomes
 * visible, what a reader would not see becomes `<U+202E>`. All that a person reads goes through it.
 */
export function printable(text: string): string {
  let safe = "";
  let clean = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!suspicious(code)) continue;
    const width = code >= 0xd800 && code <= 0xdbff && paired(text, at) ? 2 : 1;
    const point = text.codePointAt(at) ?? code;
    const shown = visible(point);
    if (shown !== undefined) {
      safe += text.slice(clean, at) + shown;
      clean = at + width;
    }
    at += width - 1;
  }
  return clean === 0 ? text : safe + text.slice(clean);
}

/** How many characters `printable` would replace: a detail view says so beside the text. */
export function hiddenCharacters(text: string): number {
  let count = 0;
  for (const character of text) {
    if (visible(character.codePointAt(0) ?? 0) !== undefined) count++;
  }
  return count;
}

/**
 * How many characters of a text for models and people are there to be overlooked: controls, bidi,
 * zero width, tags. Line ends, tabs and what emoji and scripts join with are text (P14).
 */
export function smuggledCharacters(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    if (!suspicious(text.charCodeAt(at))) continue;
    const point = text.codePointAt(at) ?? 0;
    if (point > 0xffff) at += 1;
    if (!ordinary.has(point) && visible(point) !== undefined) count += 1;
  }
  return count;
}

const ordinary = new Set([0x09, 0x0a, 0x0d, 0xad, 0x200c, 0x200d, 0xfe0e, 0xfe0f]);

/** Cheap first look: most text has none of these code units. */
function suspicious(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code <= 0xad) || code >= 0x300;
}

function paired(text: string, at: number): boolean {
  const next = text.charCodeAt(at + 1);
  return next >= 0xdc00 && next <= 0xdfff;
}

/** What stands for a code point; undefined: the point itself. */
function visible(point: number): string | undefined {
  if (point === 0x0a) return "⏎";
  // U+2400 holds a picture of each C0 control, in order.
  if (point < 0x20) return String.fromCharCode(0x2400 + point);
  if (point === 0x7f) return "␡";
  if (!invisible(point)) return undefined;
  return `<U+${point.toString(16).toUpperCase().padStart(4, "0")}>`;
}

/** First and last point of ranges that move, hide or forge text. */
const ranges: readonly (readonly [number, number])[] = [
  [0x80, 0x9f], // C1: 0x9b is CSI in eight bits
  [0xad, 0xad], // soft hyphen
  [0x34f, 0x34f], // combining grapheme joiner
  [0x61c, 0x61c], // Arabic letter mark
  [0x115f, 0x1160], // Hangul fillers
  [0x180b, 0x180f],
  [0x200b, 0x200f], // zero width, direction marks
  [0x2028, 0x202e], // line separators, bidi overrides
  [0x2060, 0x206f], // word joiner, bidi isolates
  [0x3164, 0x3164],
  [0xd800, 0xdfff], // lone surrogates
  [0xfe00, 0xfe0f], // variation selectors: widths differ between terminals
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb], // interlinear annotation
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff], // tags and further selectors
];

function invisible(point: number): boolean {
  for (const [first, last] of ranges) {
    if (point < first) return false;
    if (point <= last) return true;
  }
  return false;
}
