/** Answers are put together in memory that the next one uses too. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "../../src/base/limits.ts";
import { jsonPieces } from "../../src/front/answers.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("an answer stays what it is while others are made before it is read", async () => {
  const sizes = [0, 1, 200, 10_000, limits.unreadFromBytes * 2 - 8, limits.unreadFromBytes * 2];
  const wanted = sizes.map((size, at) => `{"ü":"${String(at).repeat(size)}"}`);
  const made = sizes.map((size, at) =>
    jsonPieces(200, ['{"ü":"', bytes(String(at).repeat(size)), '"}']),
  );
  const read = await Promise.all(made.map((answer) => answer.text()));
  expect(read).toEqual(wanted);
  expect(made.map((answer) => answer.headers.get("content-type"))).toEqual(
    sizes.map(() => "application/json"),
  );
});

test("text and bytes of any length and script come together as they are", async () => {
  const text = fc.string({ unit: "grapheme", maxLength: 300 });
  const pieces = fc.array(fc.tuple(text, fc.boolean()), { minLength: 2, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(pieces, async (given) => {
      const whole = jsonPieces(
        200,
        given.map(([piece, asBytes]) => (asBytes ? bytes(piece) : piece)),
      );
      expect(await whole.text()).toBe(given.map(([piece]) => piece).join(""));
    }),
  );
});
