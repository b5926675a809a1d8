import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { elementSpans } from "../../src/upstream/items.ts";

function texts(json: string): string[] {
  const bytes = Buffer.from(json);
  return elementSpans(bytes, [0, bytes.length]).map(([from, to]) =>
    bytes.subarray(from, to).toString("utf8"),
  );
}

test("elements keep their spelling", () => {
  expect(texts('[ {"a" : 1.0e400 } ,"]\\",[" , [1,[2]],12345678901234567890 , null]')).toEqual([
    '{"a" : 1.0e400 }',
    '"]\\",["',
    "[1,[2]]",
    "12345678901234567890",
    "null",
  ]);
  expect(texts("[ ]")).toEqual([]);
  expect(texts("[1]")).toEqual(["1"]);
});

test("each element of any array is found", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.integer({ min: 0, max: 2 }), (values, indent) => {
      const found = texts(JSON.stringify(values, null, indent)).map((text) => JSON.parse(text));
      expect(found).toEqual(JSON.parse(JSON.stringify(values)));
    }),
  );
});
