import { describe, expect, test } from "bun:test";
import process from "node:process";
import fc from "fast-check";
import { createSseDecoder, sseComment, sseEvent } from "../../src/protocol/sse.ts";
import { growthOf, mostLinear } from "../kit/growth.ts";
import { bytesOf, textOf } from "./kit.ts";

interface Told {
  readonly event: string;
  readonly data: string;
  readonly id?: string;
  readonly retry?: number;
}

/** Decodes the bytes cut at the given places, each chunk in a buffer that is overwritten after. */
function decode(bytes: Uint8Array, cuts: readonly number[] = [], maxBytes = 1_000_000): Told[] {
  const told: Told[] = [];
  let tooLarge = 0;
  const decoder = createSseDecoder({
    maxBytes,
    event: ({ data, ...rest }) => told.push({ ...rest, data: textOf(data) }),
    tooLarge: () => (tooLarge += 1),
  });
  const places = [...new Set([0, ...cuts, bytes.length])].sort((a, b) => a - b);
  for (const [index, from] of places.entries()) {
    const chunk = bytes.slice(from, places[index + 1] ?? bytes.length);
    decoder.push(chunk);
    chunk.fill(0x58);
  }
  return tooLarge === 0 ? told : [{ event: `too large ${tooLarge}`, data: "" }];
}

function decodeText(text: string): Told[] {
  return decode(bytesOf(text));
}

describe("decoder", () => {
  const rows: [string, string, Told[]][] = [
    ["one event", "data: a\n\n", [{ event: "message", data: "a" }]],
    [
      "CRLF",
      "data: a\r\n\r\ndata: b\r\n\r\n",
      [
        { event: "message", data: "a" },
        { event: "message", data: "b" },
      ],
    ],
    ["CRLF lines", "data: a\r\ndata: b\r\n\r\n", [{ event: "message", data: "a\nb" }]],
    [
      "CR",
      "data: a\r\rdata: b\r\r",
      [
        { event: "message", data: "a" },
        { event: "message", data: "b" },
      ],
    ],
    ["BOM", "\ufeffdata: a\n\n", [{ event: "message", data: "a" }]],
    ["BOM only at the start", "data: a\n\n\ufeffdata: b\n\n", [{ event: "message", data: "a" }]],
    ["lines", "data: a\ndata:  b\ndata\ndata:\n\n", [{ event: "message", data: "a\n b\n\n" }]],
    ["comments", ": hi\n:\ndata: a\n: x\n\n", [{ event: "message", data: "a" }]],
    ["endpoint", "event: endpoint\ndata: /m?s=1\n\n", [{ event: "endpoint", data: "/m?s=1" }]],
    ["priming", "id: 7\ndata:\n\n", [{ event: "message", data: "", id: "7" }]],
    ["id alone", "id: 7\n\n", [{ event: "message", data: "", id: "7" }]],
    ["retry", "retry: 500\n\n", [{ event: "message", data: "", retry: 500 }]],
    ["bad retry", "retry: 5x\n\n", []],
    ["NUL in id", "id: a\u0000\n\n", []],
    ["unknown field", "dat: a\nmessages: b\neventful: x\n\n", []],
    ["unfinished", "data: a\n", []],
    ["only an event name", "event: x\n\ndata: a\n\n", [{ event: "message", data: "a" }]],
  ];
  for (const [name, text, expected] of rows) {
    test(name, () => expect(decodeText(text)).toEqual(expected));
  }

  test("chunks of any size tell the same", () => {
    const line = fc.constantFrom(
      "data: é😀",
      "data",
      "event: x",
      "id: 1",
      "retry: 9",
      ": c",
      "",
      "",
      'data: {"a":1}',
    );
    const document = fc.array(fc.tuple(line, fc.constantFrom("\n", "\r", "\r\n")), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(document, fc.array(fc.nat(300)), (lines, cuts) => {
        const bytes = bytesOf(lines.map(([text, end]) => text + end).join(""));
        const inside = cuts.filter((cut) => cut < bytes.length);
        const every = Array.from(bytes.keys());
        const whole = decode(bytes);
        expect(decode(bytes, inside)).toEqual(whole);
        expect(decode(bytes, every)).toEqual(whole);
      }),
    );
  });

  describe("work grows in line with its size:", () => {
    const every = (from: number, step: number, count: number) =>
      Array.from({ length: count }, (_, i) => from + i * step);
    const rows: readonly [string, number, (size: number) => void][] = [
      [
        "a huge event in tiny chunks",
        100_000,
        (size) => {
          const huge = bytesOf(`data: ${"x".repeat(size)}\n\n`);
          const told = decode(huge, every(0, 16, huge.length / 16), 3_000_000);
          expect(told[0]?.data.length).toBe(size);
        },
      ],
      [
        "many lines in one chunk",
        25_000,
        (size) => {
          const lines = bytesOf(`${"data: a\n".repeat(size)}\n`);
          expect(decode(lines)[0]?.data.length).toBe(2 * size - 1);
        },
      ],
      [
        "many comments in tiny chunks after a long line",
        20_000,
        (size) => {
          const after = bytesOf(`data: ${"x".repeat(size)}\n${": c\n".repeat(size / 5)}\n`);
          decode(after, every(size, 4, size / 5));
        },
      ],
    ];
    for (const [name, size, work] of rows) {
      test(name, () => expect(growthOf(work, size)).toBeLessThan(mostLinear), 20_000);
    }
  });

  test("R10 an event of millions of empty lines costs little more than its bytes", () => {
    const before = process.memoryUsage().rss;
    const piece = bytesOf("data:\n".repeat(10_000));
    let size = 0;
    const decoder = createSseDecoder({
      maxBytes: 8_000_000,
      event: ({ data }) => (size += data.length),
      tooLarge: () => undefined,
    });
    for (let count = 0; count < 150; count += 1) decoder.push(piece);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    decoder.push(bytesOf("\n"));
    expect(size).toBe(1_500_000 - 1);
  });

  test("an event over the limit is told once and ends the stream", () => {
    const large = [{ event: "too large 1", data: "" }];
    expect(decode(bytesOf(`data: ${"x".repeat(200)}\n\ndata: a\n\n`), [], 100)).toEqual(large);
    expect(decode(bytesOf("data: xxxx\n".repeat(50)), [], 100)).toEqual(large);
    expect(decode(bytesOf(`:${"x".repeat(200)}`), [50, 120], 100)).toEqual(large);
    expect(decode(bytesOf("data: xxxx\n\n".repeat(50)), [], 100).length).toBe(50);
  });
});

describe("encoder", () => {
  test("what is encoded is decoded", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const told = decodeText(sseComment(text) + sseEvent(text));
        const data = text.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
        expect(told).toEqual([{ event: "message", data }]);
      }),
    );
    const breaks = '{\r\n"a":1,\n\r"b":2}\n\ndata: {}';
    expect(decodeText(sseEvent(breaks)).length).toBe(1);
  });
});
