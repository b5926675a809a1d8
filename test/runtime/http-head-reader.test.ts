/** Heads out of bytes that come in any pieces; what was read before changes nothing of it. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "../../src/base/limits.ts";
import type { BadHead } from "../../src/runtime/http/head.ts";
import { HeadReader } from "../../src/runtime/http/head-reader.ts";
import { anyHead } from "./any-head.ts";

const bytesOf = (text: string) => Buffer.from(text, "latin1");
const withLength = (digits: string) =>
  `POST /mcp HTTP/1.1\r\nHost: h\r\nContent-Length: ${digits}\r\nX-A: 1\r\n\r\n`;
const good = withLength("17");

/** All that a read tells. */
function outcome(reader: HeadReader, bytes: Buffer, start = 0) {
  const read = reader.read(bytes, start);
  if (read !== "head") return read;
  const { head, length, end } = reader;
  const { fields, ...rest } = head;
  const lines = bytes.toString("latin1", start, end).split("\r\n");
  const names = lines.map((line) => line.slice(0, Math.max(0, line.indexOf(":"))));
  const values = [...names, "content-length"].map((name) => [name, fields.get(name)]);
  return { ...rest, values, length, headLength: head.length, end };
}

/** By a reader that remembers, and by a new one; the memory they read in is written over. */
function both(reader: HeadReader, text: string, start = 0) {
  const bytes = bytesOf(text);
  const fresh = outcome(new HeadReader(), bytes, start);
  const remembering = outcome(reader, bytes, start);
  bytes.fill(0xff);
  return { fresh, remembering };
}

function expectSame(reader: HeadReader, text: string, start = 0) {
  const { fresh, remembering } = both(reader, text, start);
  expect(remembering).toEqual(fresh);
  return fresh;
}

function remembers(text: string): HeadReader {
  const reader = new HeadReader();
  expect(reader.read(bytesOf(text), 0)).toBe("head");
  return reader;
}

describe("F21 a head that is recognised is read as a new one is", () => {
  test("it is recognised, whatever its digits", () => {
    const reader = remembers(good);
    const { head } = reader;
    expect(outcome(reader, bytesOf(withLength("05")))).toMatchObject({ length: 5, headLength: 5 });
    expect(reader.head).toBe(head);
    expect(reader.head.fields.get("Content-Length")).toBe("5");
  });

  test("any digits, from none to twenty", () => {
    const digits = fc.oneof(
      fc.string({ unit: fc.constantFrom(..."0123456789"), maxLength: 20 }),
      fc.string({ unit: fc.constantFrom(..."0 1+-,x\t"), maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(digits, { minLength: 1, maxLength: 4 }), (some) => {
        const reader = remembers(good);
        for (const one of some) {
          expectSame(reader, withLength(one));
          expectSame(reader, withLength(one) + good);
        }
      }),
      { numRuns: 1_000 },
    );
    expect(expectSame(remembers(good), withLength("9".repeat(15)))).toMatchObject({
      length: 999_999_999_999_999,
    });
    expect(expectSame(remembers(good), withLength("0".repeat(16)))).toMatchObject({ status: 400 });
  });

  test("any one byte is another, or is not there", () => {
    const reader = remembers(good);
    for (let at = 0; at < good.length; at += 1) {
      const [before, after] = [good.slice(0, at), good.slice(at + 1)];
      for (let code = 0; code < 256; code += 1) {
        const { fresh, remembering } = both(reader, before + String.fromCharCode(code) + after);
        if (!Bun.deepEquals(fresh, remembering)) expect([at, code, remembering]).toEqual([fresh]);
        if (typeof fresh !== "string") reader.read(bytesOf(good), 0);
      }
      expectSame(reader, before + after);
      expectSame(reader, good);
    }
  });

  test("only its start is here, or more behind it", () => {
    for (let size = 0; size <= good.length; size += 1) {
      expect(expectSame(remembers(good), good.slice(0, size))).toEqual(
        size < good.length ? "more" : expect.anything(),
      );
    }
    for (const behind of [good, "5", "\r\n", "\0", withLength("5").slice(0, 40)]) {
      const reader = remembers(good);
      expectSame(reader, good + behind);
      expect(reader.end).toBe(good.length);
      expectSame(reader, good + behind, good.length);
      expectSame(reader, good + good + behind, good.length);
    }
  });

  test("any heads, one behind the other", () => {
    const heads = fc.array(
      fc.oneof(
        anyHead(),
        fc.nat({ max: 9_999 }).map((length) => withLength(String(length))),
        fc.constantFrom(good, `\r\n${good}`, `\r\n\r\n${good}`, good.toLowerCase()),
        fc.constantFrom(good.replace("17", "  17"), good.replace(/\r\nX-A: 1/, "")),
      ),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(heads, (some) => {
        const reader = new HeadReader();
        for (const [at, one] of some.entries()) {
          expectSame(reader, one + some.slice(at + 1).join(""));
          expectSame(reader, some.join(""), some.slice(0, at).join("").length);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("the memory is its own: a socket's buffer is used again", () => {
    const bytes = bytesOf(good);
    const reader = new HeadReader();
    expect(reader.read(bytes, 0)).toBe("head");
    for (const other of [good.replace("/mcp", "/sse"), good.replace("X-A", "X-B")]) {
      bytes.write(other, "latin1");
      expect(outcome(reader, bytes)).toEqual(outcome(new HeadReader(), bytes));
      bytes.write(good, "latin1");
      expect(outcome(reader, bytes)).toEqual(outcome(new HeadReader(), bytes));
    }
  });

  test("a head that is larger is not remembered", () => {
    const kept = limits.requestHeadKeptBytes;
    const sized = (size: number) => good.replace("1\r\n\r\n", `${"1".repeat(size)}\r\n\r\n`);
    const spare = kept - sized(0).length + 4;
    const again = (text: string) => {
      const reader = remembers(text);
      const { head } = reader;
      expectSame(reader, text);
      return reader.head === head;
    };
    expect([again(sized(spare)), again(sized(spare + 1))]).toEqual([true, false]);
  });
});

describe("R5 heads in pieces", () => {
  /** What comes of the bytes when they come so many at once; and how many had come by then. */
  function dripped(reader: HeadReader, text: string, step: number) {
    for (let size = step; ; size += step) {
      const read = outcome(reader, bytesOf(text.slice(0, size)));
      if (read !== "more" || size >= text.length) return { read, size };
    }
  }

  test("F21 in pieces a head is what it is as a whole, or is refused sooner", () => {
    fc.assert(
      fc.property(anyHead(), fc.integer({ min: 1, max: 40 }), (text, step) => {
        const whole = outcome(new HeadReader(), bytesOf(text));
        const { read } = dripped(new HeadReader(), text, step);
        if (typeof whole === "object" && "why" in whole) {
          expect(read === "more" || "why" in read).toBe(true);
          if (typeof read === "object") expect(read).toHaveProperty("why");
        } else expect(read).toEqual(whole);
      }),
      { numRuns: 1_000 },
    );
  });

  const most = limits.requestHeadBytes;
  const sized = (size: number) => {
    const start = "GET / HTTP/1.1\r\nHost: h\r\nX-A: ";
    return `${start}${"a".repeat(size - start.length)}\r\n\r\n`;
  };

  test("431 for a head that is too large, however it comes", () => {
    for (const step of [1, 7, 4_096, 100_000]) {
      expect(dripped(new HeadReader(), sized(most), step).read).toMatchObject({ method: "GET" });
      const { read, size } = dripped(new HeadReader(), sized(most + 1), step);
      expect(read).toMatchObject({ status: 431 });
      expect(size).toBeLessThan(most + 4 + step);
    }
    const endless = `GET / HTTP/1.1\r\n${"X-A: 1\r\n".repeat(most)}`;
    expect(dripped(new HeadReader(), endless, 1_000)).toMatchObject({ read: { status: 431 } });
  });

  test("what can be no request is refused before all of it is here", () => {
    const early = (text: string) => outcome(new HeadReader(), bytesOf(text));
    const line: BadHead = { status: 400, why: "control character, or a line without CRLF" };
    expect(early("GET / HTTP/1.1\n")).toEqual(line);
    expect(early("GET / HTTP/1.1\r\nHost: h\n")).toEqual(line);
    expect(early("GET / HTTP/1.1\rH")).toEqual(line);
    expect(early("GET / HTTP/1.1\r\r")).toEqual(line);
    expect(early("\n")).toEqual(line);
    expect(early("GET /\0")).toEqual(line);
    expect(early("\x01\x02")).toEqual(line);
    expect(early("GET / HTTP/1.1\r")).toBe("more");
    expect(early("GET / HTTP/1.1\r\nX: \t\xff")).toBe("more");
    expect(early("")).toBe("more");
  });

  test("a client that speaks TLS is told so at its first byte", () => {
    const why = "the client speaks TLS, and this port does not";
    for (const hello of ["\x16", "\x16\x03\x01\x02\x00\x01\r\n\r\n"]) {
      for (const reader of [new HeadReader(), remembers(good)]) {
        expect(outcome(reader, bytesOf(hello))).toEqual({ status: 400, why });
      }
    }
  });

  test("HTTP/2 without asking is 505", () => {
    const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    expect(outcome(new HeadReader(), bytesOf(preface))).toMatchObject({ status: 505 });
  });

  test("a few empty lines before a request are passed over, not many", () => {
    const some = "\r\n".repeat(limits.emptyLines);
    for (const reader of [new HeadReader(), remembers(good)]) {
      const end = some.length + good.length;
      expect(expectSame(reader, some + good)).toMatchObject({ method: "POST", end });
      expect(expectSame(reader, some)).toBe("more");
      expect(expectSame(reader, `${some}\r`)).toBe("more");
      for (const text of [`${some}\r\n`, `${some}\r\n${good}`, "\r\n".repeat(100_000)]) {
        expect(expectSame(reader, text)).toMatchObject({ status: 400 });
      }
      expect(expectSame(reader, `\n${good}`)).toMatchObject({ status: 400 });
      expect(expectSame(reader, `\r${good}`)).toMatchObject({ status: 400 });
      expect(expectSame(reader, `${good}\r\n${good}`, good.length)).toMatchObject({ length: 17 });
    }
  });
});
