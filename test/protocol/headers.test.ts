import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checkMirrors, checkParamHeaders } from "../../src/protocol/headers.ts";
import { decodeMirror, encodeMirror } from "../../src/protocol/mirror.ts";
import { paramHeadersOf } from "../../src/protocol/param-headers.ts";
import { request } from "./kit.ts";

function b64(text: string): string {
  return `=?base64?${Buffer.from(text).toString("base64")}?=`;
}

function mirrors(headers: Record<string, string>, name = "read", method = "tools/call"): string {
  const params = method === "resources/read" ? { uri: name } : { name };
  const message = request(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
  const problem = checkMirrors({ message, headers: new Headers(headers) });
  return problem === undefined ? "ok" : `${problem.http} ${problem.rpc}`;
}

describe("F17 Mcp-Method and Mcp-Name", () => {
  const method = "tools/call";
  const rows: [string, Record<string, string>, string, string][] = [
    ["equal", { "mcp-method": method, "mcp-name": "read" }, "read", "ok"],
    ["base64", { "mcp-method": method, "mcp-name": b64("lés") }, "lés", "ok"],
    ["base64 of a plain name", { "mcp-method": method, "mcp-name": b64("read") }, "read", "ok"],
    ["no method", { "mcp-name": "read" }, "read", "400 -32020"],
    ["no name", { "mcp-method": method }, "read", "400 -32020"],
    ["other method", { "mcp-method": "tools/list", "mcp-name": "read" }, "read", "400 -32020"],
    ["other name", { "mcp-method": method, "mcp-name": "write" }, "read", "400 -32020"],
    ["other case", { "mcp-method": method, "mcp-name": "Read" }, "read", "400 -32020"],
    ["twice", { "mcp-method": method, "mcp-name": "read, read" }, "read", "400 -32020"],
    [
      "BASE64 is text",
      { "mcp-method": method, "mcp-name": "=?BASE64?cmVhZA==?=" },
      "read",
      "400 -32020",
    ],
    ["base64 of another", { "mcp-method": method, "mcp-name": b64("write") }, "read", "400 -32020"],
    [
      "bad base64",
      { "mcp-method": method, "mcp-name": "=?base64?cm!VhZA==?=" },
      "read",
      "400 -32020",
    ],
    ["no padding", { "mcp-method": method, "mcp-name": "=?base64?cmVhZA?=" }, "read", "400 -32020"],
    ["bad UTF-8", { "mcp-method": method, "mcp-name": "=?base64?/w==?=" }, "\ufffd", "400 -32020"],
    ["Latin-1", { "mcp-method": method, "mcp-name": "l\u00e9s" }, "l\u00e9s", "400 -32020"],
    [
      "a name with a space at the end",
      { "mcp-method": method, "mcp-name": "read" },
      "read ",
      "400 -32020",
    ],
  ];
  for (const [name, headers, body, expected] of rows) {
    test(name, () => expect(mirrors(headers, body)).toBe(expected));
  }
  test("resources/read repeats its uri, ping nothing", () => {
    const headers = { "mcp-method": "resources/read", "mcp-name": "a://b" };
    expect(mirrors(headers, "a://b", "resources/read")).toBe("ok");
    expect(mirrors({ "mcp-method": "ping" }, "x", "ping")).toBe("ok");
  });
});

describe("U23 mirrored values", () => {
  test("whatever is encoded is one safe header value, and decodes to itself", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const header = encodeMirror(text);
        expect(new Headers({ a: header }).get("a")).toBe(header);
        expect(decodeMirror(header)).toBe(text);
      }),
    );
  });
  const encoded: [string | number | boolean, string][] = [
    ["\r\nX: 1", b64("\r\nX: 1")],
    [" a", b64(" a")],
    ["a ", b64("a ")],
    ["=?base64?eA==?=", b64("=?base64?eA==?=")],
    ["a b", "a b"],
    [42, "42"],
    [true, "true"],
  ];
  for (const [value, header] of encoded) {
    test(JSON.stringify(value), () => expect(encodeMirror(value)).toBe(header));
  }
});

describe("Mcp-Param", () => {
  const declared = [
    { name: "Region", path: ["region"] },
    { name: "Count", path: ["page", "count"] },
  ];
  function check(args: object, headers: Record<string, string>): string {
    const all = new Headers(headers);
    const found = checkParamHeaders(args as never, declared, { header: (name) => all.get(name) });
    return found === undefined ? "ok" : String(found.rpc);
  }
  const rows: [string, object, Record<string, string>, string][] = [
    ["equal", { region: "eu" }, { "mcp-param-region": "eu" }, "ok"],
    ["number", { page: { count: 42 } }, { "mcp-param-count": "42.0" }, "ok"],
    ["other number", { page: { count: 42 } }, { "mcp-param-count": "43" }, "-32020"],
    ["not a decimal", { page: { count: 42 } }, { "mcp-param-count": "0x2a" }, "-32020"],
    ["empty is not 0", { page: { count: 0 } }, { "mcp-param-count": "" }, "-32020"],
    ["boolean", { region: true }, { "mcp-param-region": "true" }, "ok"],
    ["missing", { region: "eu" }, {}, "-32020"],
    ["different", { region: "eu" }, { "mcp-param-region": "us" }, "-32020"],
    ["null expects none", { region: null }, {}, "ok"],
    ["absent ignores it", {}, { "mcp-param-region": "eu" }, "ok"],
    ["unknown ignored", {}, { "mcp-param-other": "eu" }, "ok"],
    ["prototype is no argument", { page: 1 }, {}, "ok"],
  ];
  for (const [name, args, headers, expected] of rows) {
    test(name, () => expect(check(args, headers)).toBe(expected));
  }
});

describe("U23 x-mcp-header in a schema", () => {
  function read(properties: object, rest: object = {}): unknown {
    const found = paramHeadersOf({ type: "object", properties, ...rest } as never);
    return found.ok ? found.value : "dropped";
  }
  const mark = (name: unknown, type: unknown = "string") => ({ type, "x-mcp-header": name });

  test("found at any depth of properties", () => {
    const nested = { page: { type: "object", properties: { n: mark("N", "integer") } } };
    expect(read({ a: mark("A"), b: mark("B", "boolean"), ...nested })).toEqual([
      { name: "A", path: ["a"] },
      { name: "B", path: ["b"] },
      { name: "N", path: ["page", "n"] },
    ]);
  });
  test("a property that is called so is none, nor is data", () => {
    const inner = { "x-mcp-header": { type: "string" } };
    expect(read({ ...inner, a: { default: inner, enum: [inner], const: inner } })).toEqual([]);
  });
  const dropped: [string, object, object?][] = [
    ["empty", { a: mark("") }],
    ["not a string", { a: mark(1) }],
    ["CR LF", { a: mark("A\r\nB") }],
    ["space", { a: mark("A B") }],
    ["colon", { a: mark("A:B") }],
    ["twice but for case", { a: mark("A"), b: mark("a") }],
    ["on a number", { a: mark("A", "number") }],
    ["on an object", { a: mark("A", "object") }],
    ["on a list of types", { a: mark("A", ["string", "null"]) }],
    ["without type", { a: { "x-mcp-header": "A" } }],
    ["at the root", {}, { "x-mcp-header": "A" }],
    ["under items", { a: { type: "array", items: mark("A") } }],
    ["under anyOf", { a: { anyOf: [mark("A")] } }],
    ["in $defs", {}, { $defs: { x: mark("A") } }],
    ["under else", {}, { if: {}, else: { properties: { a: mark("A") } } }],
    ["under not", {}, { not: mark("A") }],
    ["in additionalProperties", {}, { additionalProperties: mark("A") }],
  ];
  for (const [name, properties, rest] of dropped) {
    test(`${name}: the tool is dropped`, () => expect(read(properties, rest)).toBe("dropped"));
  }
  test("U22 a very deep schema is dropped, quickly", () => {
    let deep: object = {};
    for (let i = 0; i < 20_000; i++) deep = { not: deep };
    expect(read({}, deep)).toBe("dropped");
  });
});
