/** Small answers, written into one memory that is used again for the next one. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { jsonAnswer } from "../../src/runtime/http/json-answer.ts";

const piece = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.uint8Array({ maxLength: 1200 }),
  fc.constantFrom("x".repeat(9), "x".repeat(10), "x".repeat(99), "x".repeat(100), ""),
);
const answer = fc.record({
  pieces: fc.array(piece, { maxLength: 4 }),
  seconds: fc.nat(2),
  stays: fc.boolean(),
});

test("each is whole, whatever the one before it was", () => {
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 12 }), (answers) => {
      for (const { pieces, seconds, stays } of answers) {
        const now = 1_700_000_000_000 + seconds * 1000;
        const written = jsonAnswer(pieces, now, stays);
        if (written === undefined) throw new Error("it must fit");
        const body = Buffer.concat(pieces.map((one) => Buffer.from(one)));
        const head =
          "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" +
          `date: ${new Date(now).toUTCString()}\r\n${stays ? "" : "connection: close\r\n"}` +
          `content-length: ${body.length}\r\n\r\n`;
        const { memory, start, end } = written;
        const sent = Buffer.from(memory.subarray(start, end));
        expect(sent.toString("latin1")).toBe(head + body.toString("latin1"));
      }
    }),
  );
});

test("what may not fit is not written", () => {
  expect(jsonAnswer([new Uint8Array(10_000_000)], 0, true)).toBeUndefined();
});
