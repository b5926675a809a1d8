import { expect, test } from "bun:test";
import fc from "fast-check";
import { arrayParts } from "../../src/protocol/array-parts.ts";

const parts = (text: string) => {
  const bytes = new TextEncoder().encode(text);
  return arrayParts(bytes).map(([start, end]) =>
    new TextDecoder().decode(bytes.subarray(start, end)),
  );
};

test.each<[string, string[]]>([
  ["[]", []],
  [" [ ] ", []],
  ["[1]", ["1"]],
  [
    '\n[ {"a":[1,{"b":"]"}]} ,\t"x,\\"]" , [] ,null\r]',
    [...['{"a":[1,{"b":"]"}]}', '"x,\\"]"', "[]", "null"]],
  ],
  ['["\\\\",2]', ['"\\\\"', "2"]],
])("%j", (text, expected) => {
  expect(parts(text)).toEqual(expected);
});

test("any array is the sum of its parts, however it is spaced", () => {
  const spaced = (value: unknown) =>
    fc.constantFrom(0, 1, 2).map((n) => JSON.stringify(value, null, n));
  fc.assert(
    fc.property(
      fc
        .array(fc.json())
        .chain((all) => fc.tuple(fc.constant(all), spaced(all.map((t) => JSON.parse(t))))),
      ([all, text]) => {
        expect(parts(text).map((part) => JSON.parse(part))).toEqual(all.map((t) => JSON.parse(t)));
      },
    ),
  );
});
