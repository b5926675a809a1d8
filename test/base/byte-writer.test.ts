/** Numbers as bytes are what they are as text. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter, digitsOf, numberText } from "../../src/base/byte-writer.ts";

const into = Buffer.alloc(64);
const writer = new ByteWriter();

function written(value: number): string {
  writer.begin(into, 3);
  writer.number(value);
  return into.toString("latin1", 3, writer.end);
}

test("every integer of up to five digits, and the ends of the longer ones", () => {
  for (let value = 0; value < 100_000; value += 1) {
    if (written(value) !== String(value)) expect(written(value)).toBe(String(value));
    if (digitsOf(value) !== String(value).length) expect(digitsOf(value)).toBe(-value);
  }
  for (const value of [999_999, 1_000_000, 1_000_001, 999_999_999, 2 ** 31 - 1, 2 ** 31, 2 ** 53]) {
    expect(written(value)).toBe(String(value));
  }
});

test("every number of thousandths that has two digits or less before the point", () => {
  for (let thousandths = 0; thousandths < 100_000; thousandths += 1) {
    const text = String(thousandths / 1000);
    if (written(thousandths / 1000) !== text) expect(written(thousandths / 1000)).toBe(text);
  }
});

test("any number is written as its text, with three decimals at most", () => {
  const number = fc.oneof(
    fc.double(),
    fc.double({ min: 0, max: 100_000 }),
    fc.nat(),
    fc.maxSafeInteger(),
    fc.nat(2_000_000).map((thousandths) => thousandths / 1000),
  );
  fc.assert(
    fc.property(number, (value) => {
      expect(written(value)).toBe(numberText(value));
      const shown = Number.isFinite(value) ? value : 0;
      if (Math.abs(shown) < 1e6) expect(Number(written(value))).toBeCloseTo(shown, 2);
    }),
    { numRuns: 2_000 },
  );
});
