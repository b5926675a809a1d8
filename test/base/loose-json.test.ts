import { describe, expect, test } from "bun:test";
import { parseLooseJson, plainJson } from "../../src/base/loose-json.ts";

describe("JSON of editors", () => {
  test("comments and a comma too many are left out, what is in texts stays", () => {
    const text = `\ufeff// one "quote
{ "a//b": [1, 2 /* , */ ,], /* "x": 1, */
  "c": ",}" , "d": "\\\\", "e": "\\"/*", }`;
    expect(parseLooseJson(text)).toEqual({ "a//b": [1, 2], c: ",}", d: "\\", e: '"/*' });
    expect(plainJson(text)).toHaveLength(text.length);
  });

  test.each([
    ["{", "line 1, column 2: a name in double quotes"],
    ['{"a": 1\n  "b": 2}', "line 2, column 3: a comma or }"],
    ['// x\n{"a" 1}', "line 2, column 6: a colon"],
    ["{'a': 1}", "line 1, column 2: a name in double quotes"],
    ['{"a": [1 2]}', "line 1, column 10: a comma or ]"],
    ['{"a": }', "line 1, column 7: a value"],
    ['{"a": [,1]}', "line 1, column 8: a value"],
    ['{"a": 1}}', "line 1, column 9: the end"],
    ['{"a": [1}', "line 1, column 9: a comma or ]"],
    ['{"a": "b', "line 1, column 7: a value"],
    ["", "line 1, column 1: a value"],
  ])("%s is wrong at its place", (text, says) => {
    expect(() => parseLooseJson(text)).toThrow(`it is no JSON at ${says} is wanted there`);
  });
});
