import { describe, expect, test } from "bun:test";
import { hiddenCharacters, printable } from "../../src/base/printable.ts";

const cases: readonly (readonly [name: string, text: string, shown: string])[] = [
  ["plain text stays", "read_file · äöü 漢字 👍", "read_file · äöü 漢字 👍"],
  ["CSI", "\x1b[2Jx", "␛[2Jx"],
  ["8-bit CSI", "\x9b31m", "<U+009B>31m"],
  ["OSC 8 link", "\x1b]8;;http://a\x07b", "␛]8;;http://a␇b"],
  ["overwrite by CR and BS", "no\ryes\b", "no␍yes␈"],
  ["line feed and tab", "a\nb\tc", "a⏎b␉c"],
  ["NUL and DEL", "\0\x7f", "␀␡"],
  ["bidi override", "a\u202eb", "a<U+202E>b"],
  ["zero width", "a\u200bb\ufeff", "a<U+200B>b<U+FEFF>"],
  ["tag characters", "a\u{e0041}b", "a<U+E0041>b"],
  ["lone surrogate", "a\ud800b", "a<U+D800>b"],
  ["line separator", "a\u2028b", "a<U+2028>b"],
];

describe("printable", () => {
  for (const [name, text, shown] of cases) {
    test(`T1 ${name}`, () => expect(printable(text)).toBe(shown));
  }

  test("counts what it replaced", () => {
    expect(hiddenCharacters("a\u202eb\x1b")).toBe(2);
    expect(hiddenCharacters("plain")).toBe(0);
  });
});
