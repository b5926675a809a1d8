import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { createLineReader } from "../../src/base/lines.ts";

function readAll(chunks: readonly Uint8Array[], max = 1e9): { lines: string[]; over: number } {
  const lines: string[] = [];
  let over = 0;
  const reader = createLineReader(max, {
    line: (bytes) => lines.push(Buffer.from(bytes).toString("latin1")),
    tooLong: () => {
      over += 1;
    },
  });
  for (const chunk of chunks) reader.push(chunk);
  return { lines, over };
}

test("lines are the same whatever the chunks", () => {
  const text = fc.array(fc.constantFrom("a", "\n", "é", "bb"), { maxLength: 200 });
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 9 }), (parts, step) => {
      const bytes = Buffer.from(`${parts.join("")}\n`, "latin1");
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += step) chunks.push(bytes.subarray(at, at + step));
      const expected = parts
        .join("")
        .split("\n")
        .filter((line) => line !== "");
      expect(readAll(chunks).lines).toEqual(expected);
    }),
  );
});

test("U13 a line over the bound is told once, and nothing comes after it", () => {
  const chunk = Buffer.alloc(100, "x");
  expect(readAll([chunk, chunk, Buffer.from("\nok\n")], 150)).toEqual({ lines: [], over: 1 });
  expect(readAll([Buffer.from(`${"x".repeat(151)}\nok\n`)], 150)).toEqual({ lines: [], over: 1 });
  expect(readAll([Buffer.from(`${"x".repeat(150)}\nok\n`)], 150).over).toBe(0);
});

test("U13 5 MB in chunks of one byte cost no more than a second", () => {
  const began = performance.now();
  const byte = Buffer.from("x");
  const reader = createLineReader(1e9, { line: () => undefined, tooLong: () => undefined });
  for (let count = 0; count < 5_000_000; count += 1) reader.push(byte);
  expect(performance.now() - began).toBeLessThan(3000);
});
