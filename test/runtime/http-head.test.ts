/** What a head says, beyond what a second parser is asked about. */

import { describe, expect, test } from "bun:test";
import { type BadHead, type Head, isBad, parseHead } from "../../src/runtime/http/head.ts";

function parsed(...lines: readonly string[]): Head {
  const head = parseHead(["POST /mcp HTTP/1.1", "Host: h", ...lines].join("\r\n"));
  if (isBad(head)) throw new Error(head.why);
  return head;
}

function refused(...lines: readonly string[]): BadHead {
  const head = parseHead(lines.join("\r\n"));
  if (!isBad(head)) throw new Error("accepted");
  return head;
}

describe("fields", () => {
  test("names in any case; values without what is around them", () => {
    const { fields } = parsed("X-A: \t a b\t ", "x-b:", "AUTHORIZATION:Bearer x");
    expect(["x-a", "X-B", "Authorization"].map((name) => fields.get(name))).toEqual([
      ...["a b", "", "Bearer x"],
    ]);
    expect(fields.get("x-c")).toBeNull();
    expect(fields.get("content-length")).toBeNull();
  });
  test("F10 F17 a field that comes twice is no field that came once", () => {
    const { fields } = parsed("Authorization: Bearer a", "X: 1", "authorization: Bearer b");
    expect(fields.get("authorization")).toBe("Bearer a, Bearer b");
  });
  test("F27 a name with an underscore, and names that objects have, are names of their own", () => {
    const { fields } = parsed("mcp_name: evil", "__proto__: x", "Connection: mcp-name");
    expect(["mcp-name", "constructor", "toString"].map((name) => fields.get(name))).toEqual([
      ...[null, null, null],
    ]);
    expect([fields.get("mcp_name"), fields.get("__proto__")]).toEqual(["evil", "x"]);
  });
  test("a length is told as a number", () => {
    const { fields, length } = parsed("Content-Length: 007");
    expect([fields.get("Content-Length"), length]).toEqual(["7", 7]);
  });
});

test.each([
  [true, "HTTP/1.1", undefined],
  [true, "HTTP/1.1", "keep-alive"],
  [true, "HTTP/1.1", "te, \tupgrade"],
  [false, "HTTP/1.1", "close"],
  [false, "HTTP/1.1", "keep-alive,\tClose"],
  [false, "HTTP/1.0", undefined],
  [false, "HTTP/1.0", "keep-alive"],
  [false, "HTTP/1.0", "close"],
])("keepAlive is %p in %s with Connection: %p", (keepAlive, version, connection) => {
  const lines = connection === undefined ? [] : [`Connection: ${connection}`];
  const head = parseHead([`GET / ${version}`, "Host: h", ...lines].join("\r\n"));
  expect(head).toMatchObject({ keepAlive, modern: version === "HTTP/1.1" });
});

test("Expect: who speaks HTTP/1.0 waits for nothing (RFC 9110, 10.1.1)", () => {
  expect(parsed("Expect: 100-CONTINUE").waits).toBe(true);
  expect(parsed().waits).toBe(false);
  expect(parseHead("POST / HTTP/1.0\r\nExpect: 100-continue")).toMatchObject({ waits: false });
});

test("HTTP/1.0 without Host is of localhost; the door asks for the field itself (F3)", () => {
  const head = parseHead("GET /mcp HTTP/1.0") as Head;
  expect([head.url, head.fields.get("host")]).toEqual(["http://localhost/mcp", null]);
});

test.each([
  [["GET / HTTP/1.1"], 400, "no Host header"],
  [["GET / HTTP/1.1", "Host: a", "Host: a"], 400, "two host headers"],
  [
    ["GET / HTTP/1.1", "Host: a", "TE: x", "Content-Length: 1", "content-length: 1"],
    400,
    "two content-length headers",
  ],
  [["GET / HTTP/1.1", "Host: a/b"], 400, "bad Host header"],
  [["GET /# HTTP/1.1", "Host: a"], 400, "bad request line"],
  [["GET x HTTP/1.1", "Host: a"], 400, "bad request target"],
  [["GET / HTTP/2.0"], 505, "only HTTP/1.1 is spoken here"],
  [["GET / HTTP/1.1", "Host: a", " b"], 400, "bad header name"],
  [["GET / HTTP/1.1", "Host: a", "X: \0"], 400, "control character in a header"],
  [["GET / HTTP/1.1", "Host: a", "Content-Length: 1 "], 400, "bad content-length"],
  [["GET / HTTP/1.1", "Host: a", "Content-Length: +1"], 400, "bad Content-Length"],
  [["GET / HTTP/1.1", "Host: a", "Connection: (x)"], 400, "bad Connection header"],
] as const)("%p: %p, %s", (lines, status, why) => {
  expect(refused(...lines)).toEqual({ status, why });
});
