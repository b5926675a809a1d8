import { expect, test } from "bun:test";
import { oneLine, toOneLine } from "../../src/protocol/one-line.ts";

const cases: readonly [string, string][] = [
  ['{"a":1}', '{"a":1}'],
  ['{\n"a":\r\n1}', '{ "a":  1}'],
  ['{"a":"\\n"}\n', '{"a":"\\n"} '],
  ['{"a":"\u2028\u0085é"}', '{"a":"\u2028\u0085é"}'],
];

for (const [given, wanted] of cases) {
  test(`one line: ${JSON.stringify(given)}`, () => {
    const bytes = new TextEncoder().encode(given);
    expect(oneLine(given)).toBe(wanted);
    expect(new TextDecoder().decode(oneLine(bytes) as Uint8Array)).toBe(wanted);
    toOneLine(bytes);
    expect(new TextDecoder().decode(bytes)).toBe(wanted);
    expect(JSON.parse(wanted)).toEqual(JSON.parse(given));
  });
}

test("what must not be changed is not, where it is a Buffer", () => {
  const bytes = Buffer.from('{\n"a":1}');
  expect(oneLine(bytes)).not.toBe(bytes);
  expect(bytes.toString()).toBe('{\n"a":1}');
});

test("what needs no change is not copied", () => {
  const bytes = new TextEncoder().encode('{"a":1}');
  expect(oneLine(bytes)).toBe(bytes);
});
