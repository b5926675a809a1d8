import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import stringWidth from "string-width";
import { roundSize } from "../../src/base/round-size.ts";
import {
  amount,
  bar,
  countdown,
  fit,
  heading,
  type Line,
  limitText,
  span,
  sparkline,
  toLine,
  took,
  wrap,
} from "../../tui/cells.ts";
import { paint, plainText } from "../../tui/paint.ts";

const text = fc.string({ unit: "grapheme", maxLength: 60 });

function widthOf(line: Line): number {
  return stringWidth(plainText(line));
}

describe("a line is exactly as wide as asked for", () => {
  test("T1 T3 whatever the text is: fit, toLine, heading, ASCII", () => {
    const cell = fc.record({ text, width: fc.integer({ min: 0, max: 30 }) });
    fc.assert(
      fc.property(
        fc.array(cell, { maxLength: 6 }),
        text,
        fc.integer({ min: 1, max: 160 }),
        (cells, name, width) => {
          expect(stringWidth(fit(name, width))).toBe(width);
          expect(widthOf(toLine([...cells, name], width))).toBe(width);
          expect(widthOf(heading(name, "right", Math.max(4, width)))).toBe(Math.max(4, width));
          for (const line of wrap(name, width)) expect(stringWidth(fit(line, width))).toBe(width);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("T1 no control character and nothing invisible is left of foreign text", () => {
    const hostile = "a\u001b]8;;http://x\u0007b\u001b[8mc\u202ed\u200be\r\nf\u009b2Jg\ufe0f";
    const line = plainText(toLine([hostile, { text: hostile, width: 40 }], 120));
    expect(line).not.toMatch(/\p{Cc}|\p{Cf}|\p{Variation_Selector}/u);
    expect(line).toContain("␛");
  });

  test("wide characters are never cut in half", () => {
    expect(fit("日本語", 4)).toBe("日… ");
    expect(fit("日本語", 6)).toBe("日本語");
    expect(fit("👩‍👩‍👧 family", 3)).toHaveLength(3);
  });
});

describe("paint", () => {
  const line = toLine([{ text: "● ok", tone: "ok" }, { text: "> x", tone: "picked" }, "é日"], 20);

  test("colours are the named ones, each switched off again", () => {
    const painted = paint(line, { colour: true, ascii: false });
    expect(painted).toContain("\u001b[32m● ok\u001b[39m");
    expect(painted).toContain("\u001b[1m> x\u001b[22m");
  });

  test("NO_COLOR: no colour, but bold stays; ASCII: only ASCII, as wide as before", () => {
    expect(paint(line, { colour: false, ascii: false })).not.toMatch(/\[3\d/);
    expect(paint(line, { colour: false, ascii: false })).toContain("\u001b[1m");
    const ascii = paint(line, { colour: false, ascii: true })
      .split("\u001b[")
      .map((part, at) => (at === 0 ? part : part.slice(part.indexOf("m") + 1)))
      .join("");
    expect(ascii).toMatch(/^[\x20-\x7e]{20}$/);
  });
});

describe("numbers as words", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["0ms", took(0)],
    ["0.4ms", took(0.4)],
    ["12ms", took(12)],
    ["1.0s", took(999.7)],
    ["30.0s", took(30_000)],
    ["1m00s", took(59_999)],
    ["9s", span(9_400)],
    ["3m20s", span(200_000)],
    ["2h05m", span(7_500_000)],
    ["3d02h", span(266_400_000)],
    ["8.6s", countdown(8_640)],
    ["11s", countdown(10_100)],
    ["0.0s", countdown(-5)],
    ["30s", limitText(30_000)],
    ["10m", limitText(600_000)],
    ["1m30s", limitText(90_000)],
    ["2h", limitText(7_200_000)],
    ["412 B", roundSize(412)],
    ["1.2 KiB", roundSize(1_234)],
    ["1.0 MiB", roundSize(1_048_500)],
    ["10 KiB", roundSize(10_200)],
    ["256 MiB", roundSize(2 ** 28)],
    ["2048 TiB", roundSize(2 ** 51)],
    ["18,422", amount(18_422)],
    ["██░░", bar(0.5, 4)],
    ["░░░░", bar(Number.NaN, 4)],
    ["▁▅█", sparkline([0, 5, 9], 3)],
    ["▁▁", sparkline([0, 0], 5)],
  ];
  for (const [expected, actual] of cases) {
    test(expected, () => expect(actual).toBe(expected));
  }
});
