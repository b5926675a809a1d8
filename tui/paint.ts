/**
 * Cells as text for a terminal. Colours are the named ones, never a background and never gray, so
 * that they can be read on light and dark; without colour bold, dim and inverse stay.
 */

import type { Line, Tone } from "./cells.ts";

export interface Theme {
  readonly colour: boolean;
  /** No UTF-8: our glyphs become ASCII, foreign letters `?`. */
  readonly ascii: boolean;
}

/** One line as text with SGR codes; what it switches on it switches off. */
export function paint(line: Line, theme: Theme): string {
  let text = "";
  for (const piece of line) {
    const shown = theme.ascii ? toAscii(piece.text) : piece.text;
    const [on, off] = codes(piece.tone, theme.colour);
    text += on === "" ? shown : `\u001b[${on}m${shown}\u001b[${off}m`;
  }
  return text;
}

/** The same without any codes: for files and tests. */
export function plainText(line: Line): string {
  return line.map((piece) => piece.text).join("");
}

function codes(tone: Tone, colour: boolean): readonly [on: string, off: string] {
  switch (tone) {
    case "ok":
      return colour ? ["32", "39"] : ["", ""];
    case "bad":
      return colour ? ["31", "39"] : ["1", "22"];
    case "warn":
      return colour ? ["33", "39"] : ["1", "22"];
    case "info":
      return colour ? ["36", "39"] : ["", ""];
    case "dim":
      return ["2", "22"];
    case "strong":
    case "picked":
      return ["1", "22"];
    case "cursor":
      return ["7", "27"];
    case "plain":
      return ["", ""];
  }
}

/** As wide as it was: what is two columns wide becomes two characters. */
function toAscii(text: string): string {
  let ascii = "";
  for (const one of text) ascii += one < "\u007f" ? one : (twins[one] ?? unknown(one));
  return ascii;
}

const twins: Readonly<Record<string, string>> = {
  ...{ "●": "*", "▲": "!", "○": "o", "█": "#", "░": ".", "▏": "|", "─": "-", "│": "|", "…": "~" },
  ...{ "▁": "_", "▂": "_", "▃": "-", "▄": "-", "▅": "=", "▆": "=", "▇": "#" },
  ...{ "↑": "^", "↓": "v", "←": "<", "→": ">", "⏎": "/" },
};

function unknown(one: string): string {
  const point = one.codePointAt(0) ?? 0;
  // Marks that take no column of their own.
  if (point >= 0x300 && point <= 0x36f) return "";
  // What printable() makes of C0 controls.
  if (point >= 0x2400 && point <= 0x243f) return "?";
  return wide(point) ? "??" : "?";
}

/** East Asian wide characters and emoji, in blocks: good enough where there is no UTF-8. */
function wide(point: number): boolean {
  return (
    (point >= 0x1100 && point <= 0x115f) ||
    (point >= 0x2e80 && point <= 0xa4cf) ||
    (point >= 0xac00 && point <= 0xd7a3) ||
    (point >= 0xf900 && point <= 0xfaff) ||
    (point >= 0xfe30 && point <= 0xfe6f) ||
    (point >= 0xff00 && point <= 0xff60) ||
    (point >= 0xffe0 && point <= 0xffe6) ||
    (point >= 0x1f300 && point <= 0x1faff) ||
    (point >= 0x20000 && point <= 0x3fffd)
  );
}
