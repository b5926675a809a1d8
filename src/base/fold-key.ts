/** What a lenient reader could take a key for: servers fold keys in many ways (P2, P3). */

/**
 * The key without case and compatibility forms (NFKC or NFKD), and without characters that are not
 * seen: controls, format characters, zero-width ones and spaces. Two keys with one fold are twins.
 */
export function foldKey(key: string): string {
  // Unseen characters go first, or they keep a letter and its accent apart; NFKD makes new ones.
  const cased = seen(key).normalize("NFKD").toLowerCase().toUpperCase().toLowerCase();
  // The lower case of a sigma depends on what follows it; Java takes İ for i.
  return seen(cased).replaceAll("ς", "σ").replaceAll("i\u0307", "i");
}

function seen(text: string): string {
  let at = 0;
  while (at < text.length && !isUnseen(text.codePointAt(at)!)) at += 1;
  if (at === text.length) return text;
  let kept = "";
  for (const character of text) if (!isUnseen(character.codePointAt(0)!)) kept += character;
  return kept;
}

/** What nearly always comes is told apart first: ASCII, and the scripts of East Asia. */
function isUnseen(code: number): boolean {
  if (code < 0x7f) return code <= 0x20;
  if (code > 0x3164 && code < 0xfe00) return false;
  for (let at = 0; at < unseen.length; at += 2) {
    if (code < unseen[at]!) return false;
    if (code <= unseen[at + 1]!) return true;
  }
  return false;
}

/**
 * First and last of each range, rising: Cc, Cf, Default_Ignorable_Code_Point and White_Space of
 * Unicode.
 */
const unseen: readonly number[] = [
  0x7f, 0xa0, 0xad, 0xad, 0x34f, 0x34f, 0x600, 0x605, 0x61c, 0x61c, 0x6dd, 0x6dd, 0x70f, 0x70f,
  0x890, 0x891, 0x8e2, 0x8e2, 0x115f, 0x1160, 0x1680, 0x1680, 0x17b4, 0x17b5, 0x180b, 0x180f,
  0x2000, 0x200f, 0x2028, 0x202f, 0x205f, 0x206f, 0x3000, 0x3000, 0x3164, 0x3164, 0xfe00, 0xfe0f,
  0xfeff, 0xfeff, 0xffa0, 0xffa0, 0xfff0, 0xfffb, 0x110bd, 0x110bd, 0x110cd, 0x110cd, 0x13430,
  0x1343f, 0x1bca0, 0x1bca3, 0x1d173, 0x1d17a, 0xe0000, 0xe0fff,
];
