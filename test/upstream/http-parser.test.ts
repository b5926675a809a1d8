/** The HTTP parser refuses what two readers could understand in two ways. */

import { expect, test } from "bun:test";
import { createResponseParser } from "../../src/upstream/http-parser.ts";

interface Read {
  status: number;
  body: string;
  ended: boolean | undefined;
  error: string;
}

/** Feeds the text in pieces of `step` bytes; `eof` closes after it. */
function read(text: string, step = text.length, eof = false): Read {
  const got: Read = { status: 0, body: "", ended: undefined, error: "" };
  const parser = createResponseParser({
    head: (status) => {
      got.status = status;
    },
    body: (chunk) => {
      got.body += Buffer.from(chunk).toString("latin1");
    },
    end: (reusable) => {
      got.ended = reusable;
    },
  });
  try {
    parser.expect();
    const bytes = Buffer.from(text, "latin1");
    for (let at = 0; at < bytes.length; at += step) parser.push(bytes.subarray(at, at + step));
    if (eof) parser.closed();
  } catch (error) {
    got.error = (error as Error).message;
  }
  return got;
}

const good: [string, string, string, boolean][] = [
  ["length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", true],
  ["length 0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true],
  ["no reason phrase", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", "hi", true],
  ["204", "HTTP/1.1 204 No Content\r\n\r\n", "", true],
  ["close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", "hi", false],
  ["HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi", false],
  ["100 first", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi", true],
  [
    "chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n",
    "abcde",
    true,
  ],
];

test.each(good)("reads %s, whatever the pieces", (_name, text, body, reusable) => {
  for (const step of [text.length, 7, 1]) {
    expect(read(text, step)).toMatchObject({ body, ended: reusable, error: "" });
  }
});

test("reads a body that ends with the connection, and never uses that again", () => {
  const text = "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\nhello";
  expect(read(text, 4)).toMatchObject({ body: "hello", ended: undefined });
  expect(read(text, 4, true)).toMatchObject({ body: "hello", ended: false, error: "" });
});

const head = "HTTP/1.1 200 OK\r\n";
const bad: [string, string][] = [
  ["F27 both framings", `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["two lengths", `${head}Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi`],
  ["signed length", `${head}Content-Length: +2\r\n\r\nhi`],
  ["hex length", `${head}Content-Length: 0x2\r\n\r\nhi`],
  ["empty length", `${head}Content-Length: \r\n\r\nhi`],
  ["other coding", `${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ["chunk size sign", `${head}Transfer-Encoding: chunked\r\n\r\n-1\r\n`],
  ["chunk size empty", `${head}Transfer-Encoding: chunked\r\n\r\n\r\n`],
  ["chunk size 0x", `${head}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc`],
  ["chunk size huge", `${head}Transfer-Encoding: chunked\r\n\r\nfffffffffffff\r\n`],
  ["chunk without end", `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabcde`],
  ["chunk line endless", `${head}Transfer-Encoding: chunked\r\n\r\n1;${"x".repeat(2000)}`],
  ["folded header", `${head}A: b\r\n c: d\r\n\r\n`],
  ["space before colon", `${head}Content-Length : 2\r\n\r\nhi`],
  ["no colon", `${head}Content-Length\r\n\r\n`],
  ["bare line feed", `${head}A: b\nContent-Length: 2\r\n\r\nhi`],
  ["NUL", `${head}A: \0\r\n\r\n`],
  ["header block too large", `${head}A: ${"x".repeat(70_000)}\r\n\r\n`],
  ["endless header", `${head}A: ${"x".repeat(70_000)}`],
  ["status line", "HTTP/2 200 OK\r\n\r\n"],
  ["status word", "HTTP/1.1 2xx OK\r\n\r\n"],
  ["not HTTP", "220 smtp ready\r\n\r\n"],
  ["101", "HTTP/1.1 101 Switching\r\n\r\n"],
  ["1xx forever", "HTTP/1.1 102 P\r\n\r\n".repeat(20)],
];

test.each(bad)("refuses %s", (_name, text) => {
  expect(read(text).error).not.toBe("");
  expect(read(text, 5).error).not.toBe("");
});

test("F27 bytes after the end are no second response, and end the connection", () => {
  const text = `${head}Content-Length: 2\r\n\r\nhi`;
  expect(read(text + text)).toMatchObject({ body: "hi", ended: false });
  expect(read(text + text).error).not.toBe("");
  // Later ones too.
  expect(read(text + text, text.length).error).not.toBe("");
});

test("a close in the midst of a response is an error", () => {
  expect(read(`${head}Content-Length: 9\r\n\r\nhi`, 99, true).error).not.toBe("");
  expect(read(`${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, 99, true).error).not.toBe(
    "",
  );
  expect(read("HTTP/1.1 200", 99, true).error).not.toBe("");
});
