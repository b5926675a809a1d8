/** Parts of bytes: what is little is copied, what is much is shown. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { cut } from "../../src/base/cut.ts";

const arrays = fc
  .tuple(fc.uint8Array({ maxLength: 1100, size: "max" }), fc.boolean(), fc.nat(7))
  .map(([bytes, buffer, shift]) => {
    const whole = new Uint8Array(bytes.length + shift);
    whole.set(bytes, shift);
    const view = whole.subarray(shift);
    return buffer ? Buffer.from(view.buffer, view.byteOffset, view.length) : view;
  });

test("it is what subarray gives, whatever array it is, wherever it begins and ends", () => {
  fc.assert(
    fc.property(arrays, fc.nat(1200), fc.nat(1200), (bytes, a, b) => {
      const [start, end] = [Math.min(a, b), Math.max(a, b)];
      const part = cut(bytes, start, end);
      expect([...part]).toEqual([...bytes.subarray(start, end)]);
    }),
  );
});

test.each([
  [1000, false],
  [1001, true],
])("of %d bytes it shares the memory: %p", (size, shares) => {
  for (const bytes of [new Uint8Array(size), Buffer.alloc(size)]) {
    const part = cut(bytes, 10, 20);
    bytes[12] = 7;
    expect(part[2]).toBe(shares ? 7 : 0);
  }
});
