/** What a socket does not take is kept, in order, and not changed by whoever wrote it. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createSendQueue } from "../../src/runtime/send-queue.ts";

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
        });
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
    });
    expect(queue.write("one ")).toBe(false);
    expect(queue.lend(Buffer.from("a two b"), 2, 5)).toBe(false);
    expect(queue.drain()).toBe(false);
    open = true;
    expect(queue.drain()).toBe(true);
    expect(sent.join("")).toBe("one two");
  });
});
