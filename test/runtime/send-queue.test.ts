/** What a socket does not take is kept, in order, and not changed by whoever wrote it. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createSendQueue } from "../../src/runtime/send-queue.ts";

const spoilt = () => {
  throw new Error("nothing was given away");
};

describe("createSendQueue", () => {
  test("lent memory may be written over at once, whatever the socket took", () => {
    const chunks = fc.array(fc.tuple(fc.uint8Array({ minLength: 1 }), fc.boolean()));
    const takes = fc.array(fc.nat({ max: 12 }));
    fc.assert(
      fc.property(chunks, takes, (given, sizes) => {
        const sent: number[] = [];
        let turn = 0;
        const queue = createSendQueue((chunk, start = 0, length = chunk.length) => {
          const bytes = Buffer.from(chunk).subarray(start, start + length);
          const taken = Math.min(bytes.length, sizes[turn++] ?? bytes.length);
          sent.push(...bytes.subarray(0, taken));
          return taken;
        }, spoilt);
        const wanted: number[] = [];
        for (const [bytes, lent] of given) {
          wanted.push(...bytes);
          // A Buffer, whose `slice` is a view.
          const chunk = Buffer.of(1, ...bytes, 2);
          if (lent) queue.lend(chunk, 1, chunk.length - 1);
          else queue.write(bytes);
          chunk.fill(0xee);
        }
        while (!queue.drain());
        expect(sent).toEqual(wanted);
      }),
    );
  });

  test("a socket that takes nothing and one that fails keep all of it", () => {
    const sent: string[] = [];
    let open = false;
    const queue = createSendQueue((chunk) => {
      if (!open) return -1;
      sent.push(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
      return chunk.length;
    }, spoilt);
    expect(queue.write("one ")).toBe(false);
    expect(queue.lend(Buffer.from("a two b"), 2, 5)).toBe(false);
    expect(queue.drain()).toBe(false);
    open = true;
    expect(queue.drain()).toBe(true);
    expect(sent.join("")).toBe("one two");
  });

  test("F27 memory that was given away while it waited ends the connection", () => {
    const sent: string[] = [];
    let open = false;
    let ends = 0;
    const queue = createSendQueue(
      (chunk) => {
        if (!open) return 0;
        sent.push(Buffer.from(chunk).toString());
        return chunk.length;
      },
      () => {
        ends += 1;
      },
    );
    const given = new Uint8Array([1, 2, 3]);
    for (const chunk of ["before ", given, "behind"]) queue.write(chunk);
    structuredClone(given, { transfer: [given.buffer] });
    open = true;
    expect(queue.drain()).toBe(false);
    expect([sent, ends]).toEqual([["before "], 1]);
    expect(queue.empty()).toBe(false);
  });
});
