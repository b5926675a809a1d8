/** Large bodies: the memory that their pieces came in is let go, and no other. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { giveBytes } from "../../src/base/spare-memory.ts";
import { BodyReader } from "../../src/runtime/http/body.ts";

const kilo = 1024;

/** A chunk as a socket gives it: `before` bytes of a head, some of the body, and what is behind. */
function chunk(before: number, body: number, behind: number, fill: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(before + body + behind).fill("h", 0, before);
  return bytes.fill(fill, before, before + body).fill("n", before + body);
}

test("large pieces are let go when they are joined, what is behind the last one stays", () => {
  const [first, second, third] = [
    chunk(300, 200 * kilo, 0, 1),
    chunk(0, 100 * kilo, 0, 2),
    chunk(0, 100 * kilo, 40, 3),
  ];
  const reader = new BodyReader(400 * kilo, 4096 * kilo);
  expect(reader.push(first, 300)).toBe(-1);
  expect(reader.push(second, 0)).toBe(-1);
  const end = reader.push(third, 0);
  expect(end).toBe(100 * kilo);
  const next = third.subarray(Number(end));
  const body = reader.take();
  expect([first.length, second.length, third.length]).toEqual([
    ...[300 + 200 * kilo, 0],
    100 * kilo + 40,
  ]);
  expect(next.toString()).toBe("n".repeat(40));
  expect(body).toHaveLength(400 * kilo);
  const at = [0, 200 * kilo - 1, 200 * kilo, 300 * kilo - 1, 300 * kilo, 400 * kilo - 1];
  expect(at.map((one) => body[one])).toEqual([1, 1, 2, 2, 3, 3]);
});

test.each([
  [0, 0],
  [2_000, 1_900],
])("%d bytes of earlier requests in the same chunk stay what they are", (before, stay) => {
  const own = 1_000;
  const first = chunk(before + own, 200 * kilo, 0, 1);
  const earlier = first.subarray(0, stay);
  const reader = new BodyReader(200 * kilo + 1, 4096 * kilo, own);
  reader.push(first, before + own);
  reader.push(chunk(0, 1, 0, 2), 0);
  const body = reader.take();
  expect([body.length, body.at(0), body.at(-2), body.at(-1)]).toEqual([200 * kilo + 1, 1, 1, 2]);
  expect(earlier.toString()).toBe("h".repeat(stay));
  // With nothing but its own head before it, the chunk is let go.
  expect(first.length === 0).toBe(before === 0);
});

test("bodies in any pieces are what was sent, also in memory that had another one", () => {
  const piece = fc.record({ size: fc.integer({ min: 1, max: 150_000 }), behind: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), fc.nat(255), (pieces, fill) => {
      const length = pieces.reduce((sum, { size }) => sum + size, 0);
      const reader = new BodyReader(length, length);
      for (const [at, { size, behind }] of pieces.entries()) {
        const last = at === pieces.length - 1;
        const end = reader.push(chunk(0, size, last ? behind : 0, (fill + at) & 255), 0);
        expect(end).toBe(last ? size : -1);
      }
      const body = reader.take();
      const sent = Buffer.concat(
        pieces.map(({ size }, at) => chunk(0, size, 0, (fill + at) & 255)),
      );
      expect(Buffer.compare(body, sent)).toBe(0);
      giveBytes(body);
    }),
    { numRuns: 60 },
  );
});
