/**
 * Every screen of the scripted demo as text, at three sizes. After a wanted change:
 * `UPDATE_GOLDENS=1 npx bun test test/tui/golden.test.ts`, and read the difference.
 */

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import stringWidth from "string-width";
import type { Line } from "../../tui/cells.ts";
import { paint, plainText } from "../../tui/paint.ts";
import type { Size } from "../../tui/screen.ts";
import { draw, shots, sizes, sizeText } from "../kit/tui-screens.ts";

const folder = join(import.meta.dirname, "../cases/tui");
const update = process.env["UPDATE_GOLDENS"] === "1";
const small: Size = { columns: 80, rows: 24 };
/** Sizes that have no golden: narrow, very wide, odd, too small. */
const others: readonly Size[] = [
  ...[
    [60, 15],
    [61, 17],
    [79, 23],
    [100, 25],
    [119, 60],
    [133, 31],
    [240, 60],
    [42, 10],
    [20, 3],
  ].map(([columns = 0, rows = 0]) => ({ columns, rows })),
];

describe("screens of the demo", () => {
  for (const size of sizes) {
    for (const shot of shots) {
      test(`${shot.name} at ${sizeText(size)}`, () => {
        const lines = draw(shot, size);
        expectFits(lines, size);
        expectGolden(`${sizeText(size)}/${shot.name}.txt`, lines.map(plainText));
      });
    }
  }

  for (const shot of shots) {
    test(`${shot.name} fits any terminal`, () => {
      for (const size of others) expectFits(draw(shot, size), size);
    });
  }

  test("there is no golden of a screen that is no more", () => {
    const names = [...sizes.map(sizeText), "80x24-ascii"].flatMap((one) =>
      readdirSync(join(folder, one)),
    );
    const known = new Set(shots.map(({ name }) => `${name}.txt`));
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe("other terminals", () => {
  for (const shot of shots) {
    test(`${shot.name} in ASCII`, () => {
      const lines = draw(shot, small).map((line) => paint(line, { colour: false, ascii: true }));
      const bare = lines.map(withoutCodes);
      for (const line of bare) {
        expect(line).toMatch(/^[\x20-\x7e]*$/);
        expect(line).toHaveLength(small.columns);
      }
      expectGolden(`80x24-ascii/${shot.name}.txt`, bare);
    });

    test(`${shot.name} with NO_COLOR: the same words, bold, dim and inverse only`, () => {
      for (const line of draw(shot, small)) {
        const painted = paint(line, { colour: false, ascii: false });
        expect(codesIn(painted).filter((code) => !plainCodes.has(code))).toEqual([]);
        expect(withoutCodes(painted)).toBe(plainText(line));
      }
    });

    test(`${shot.name} in 16 colours: named ones, no background, all switched off again`, () => {
      for (const line of draw(shot, small)) {
        const painted = paint(line, { colour: true, ascii: false });
        const codes = codesIn(painted);
        const colours = ["31", "32", "33", "36", "39"];
        expect(codes.filter((one) => !plainCodes.has(one) && !colours.includes(one))).toEqual([]);
        expect(withoutCodes(painted)).toBe(plainText(line));
        expect(["22", "27", "39", undefined]).toContain(codes.at(-1));
      }
    });
  }
});

const sgr = new RegExp(`${String.fromCharCode(27)}\\[([0-9;]*)m`, "g");
const plainCodes = new Set(["1", "2", "7", "22", "27"]);

function codesIn(text: string): readonly string[] {
  return [...text.matchAll(sgr)].map((match) => match[1] ?? "");
}

function withoutCodes(text: string): string {
  return text.replaceAll(sgr, "");
}

/** Each line as wide as the terminal, as many as it has rows. */
function expectFits(lines: readonly Line[], { columns, rows }: Size): void {
  expect(lines).toHaveLength(rows);
  const widths = lines.map((line) => stringWidth(plainText(line)));
  expect(widths).toEqual(Array.from({ length: rows }, () => columns));
}

/** Spaces at the end of lines are left out of the files. */
function expectGolden(name: string, lines: readonly string[]): void {
  const path = join(folder, name);
  const text = `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
  if (update) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, "utf8"));
}
