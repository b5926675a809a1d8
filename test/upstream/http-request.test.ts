/** Requests as they leave: framing, and memory that is used again for the next one. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sendRequest } from "../../src/upstream/http-request.ts";

function sent(head: string, body: readonly (string | Uint8Array)[] | undefined, around = {}) {
  const writes: { text: string; bytes: Buffer; lent: boolean }[] = [];
  const take = (chunk: Uint8Array | string, lent: boolean) => {
    const bytes = Buffer.from(chunk);
    return writes.push({ text: bytes.toString("utf8"), bytes, lent }) > 0;
  };
  sendRequest(
    { headText: head, body, ...around },
    {
      write: (chunk) => take(chunk, false),
      lend: (memory, start, end) => take(memory.subarray(start, end), true),
    },
  );
  return writes;
}

const head = "POST /mcp HTTP/1.1\r\nHost: a\r\n";
const bytes = (text: string) => new TextEncoder().encode(text);

describe("sendRequest", () => {
  test.each([
    ["no body", undefined, `${head}\r\n`],
    ["an empty body", [], `${head}Content-Length: 0\r\n\r\n`],
    ["text and bytes", ['{"é":', bytes('"ü"'), "}"], `${head}Content-Length: 11\r\n\r\n{"é":"ü"}`],
  ] as const)("%s: one write of lent memory", (_, body, text) => {
    expect(sent(head, body)).toMatchObject([{ text, lent: true }]);
  });

  test("what stands around the body is counted with it, however many digits that takes", () => {
    for (const size of [7, 8, 97, 98, 997, 998, 9_997, 9_998, 70_000]) {
      const body = [bytes("x".repeat(size))];
      const writes = sent(head, body, { opening: "<", closing: ">" });
      expect(writes.map((one) => one.text).join("")).toBe(
        `${head}Content-Length: ${size + 2}\r\n\r\n<${"x".repeat(size)}>`,
      );
    }
  });

  test("what is large is written piece by piece and not copied", () => {
    for (const size of [64 * 1024 - 1, 64 * 1024, 1_000_000]) {
      const writes = sent(head, ["<", bytes("x".repeat(size)), ">"]);
      expect(writes.map((one) => one.text).join("")).toBe(
        `${head}Content-Length: ${size + 2}\r\n\r\n<${"x".repeat(size)}>`,
      );
      expect(writes.every((one) => !one.lent || one.bytes.length < 200)).toBe(true);
    }
  });

  test("small pieces beside large ones are one write each side", () => {
    const [large, id] = [bytes("x".repeat(100_000)), '"id":'];
    const body = ["<", id, bytes("1"), large, "}", "}", large, bytes(">")];
    const writes = sent(head, body).map(({ bytes, lent }) => [bytes.length, lent]);
    const frame = `${head}Content-Length: 200010\r\n\r\n`.length;
    expect(writes).toEqual([
      [frame + 7, true],
      [100_000, false],
      [2, true],
      [100_000, false],
      [1, true],
    ]);
  });

  test.each([
    ["takes all", true, 9, true],
    ["keeps the last piece", true, 2, false],
    ["keeps from the first on", true, 0, false],
    ["does not say what it keeps", undefined, 9, false],
  ] as const)("a connection that %s: what was written is told", (_, takesAtOnce, taken, told) => {
    let [writes, written] = [0, 0];
    const of = { written: () => void written++ };
    const write = () => ++writes <= taken;
    const to = { write, lend: write, ...(takesAtOnce && { takesAtOnce }) };
    sendRequest({ headText: head, body: [bytes("x".repeat(70_000)), "}"], of }, to);
    expect([writes, written]).toEqual([3, told ? 1 : 0]);
  });

  test("just fits, and just does not", () => {
    const frame = `${head}Content-Length: 65000\r\n\r\n`.length;
    const most = 64 * 1024 - frame;
    expect(sent(head, ["x".repeat(most)])).toHaveLength(1);
    expect(sent(head, ["x".repeat(most + 1)])).toHaveLength(2);
  });

  const text = fc.oneof(fc.string({ unit: "grapheme", maxLength: 80 }), fc.constantFrom("", "ü"));
  const request = fc.record({
    head: fc.constantFrom(head, "POST /abc HTTP/1.1\r\nHost: a\r\n", `${head}A: 1\r\n`),
    opening: fc.oneof(text, fc.constantFrom('{"id":', '{"ie":')),
    id: fc.nat(),
    between: fc.constantFrom("", ',"params":'),
    body: fc.option(
      fc.array(fc.oneof(text, fc.uint8Array({ maxLength: 990, size: "max" })), { maxLength: 3 }),
      { nil: undefined },
    ),
    closing: text,
    large: fc.boolean(),
  });

  test("F27 each is whole, whatever the one before it was", () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 12 }), (requests) => {
        for (const { head, body, large, ...around } of requests) {
          const pieces = body && large ? [...body, "x".repeat(70_000)] : body;
          const writes = sent(head, pieces, around);
          const { opening, id, between, closing } = around;
          const own = [opening, ...(between === "" ? [] : [String(id), between])];
          const whole = Buffer.concat(
            [...own, ...(pieces ?? []), closing].map((one) => Buffer.from(one)),
          );
          const length = `Content-Length: ${whole.length}\r\n\r\n`;
          const wanted = pieces === undefined ? [`${head}\r\n`] : [head, length, whole];
          const wholes = [writes.map((one) => one.bytes), wanted.map((one) => Buffer.from(one))];
          const [got, all] = wholes.map((one) => Buffer.concat(one).toString("latin1"));
          expect(got).toBe(all as string);
        }
      }),
      { numRuns: 300 },
    );
  });
});
