import { expect, test } from "bun:test";
import { foldKey } from "../../src/base/fold-key.ts";

/** Every character that is no surrogate, but for planes that hold none or only Han. */
function* characters(): Generator<string> {
  for (let code = 0; code < 0xe1000; code++) {
    if (code === 0xd800) code = 0xe000;
    if (code === 0x20000) code = 0xe0000;
    yield String.fromCodePoint(code);
  }
}

test("P2 both cases and all compatibility forms of every character fold alike", () => {
  const apart: string[] = [];
  for (const one of characters()) {
    const folded = foldKey(one);
    for (const form of [one.toUpperCase(), one.toLowerCase(), one.normalize("NFKC")]) {
      if (form !== one && foldKey(form) !== folded) apart.push(one.codePointAt(0)!.toString(16));
    }
  }
  expect(apart).toEqual([]);
}, 30_000);

test("P3 what cannot be seen is dropped, all else is kept", () => {
  const unseen = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{White_Space}]/u;
  const wrong: string[] = [];
  for (const one of characters()) {
    if ((foldKey(`a${one}b`) === "ab") !== unseen.test(one)) {
      wrong.push(one.codePointAt(0)!.toString(16));
    }
  }
  expect(wrong).toEqual([]);
}, 30_000);

test("P2 words fold as Go, Java and .NET would compare them without case", () => {
  for (const [one, other] of [
    ["paſſword", "PASSWORD"],
    ["\u212aey", "key"],
    ["ΟΔΟΣ", "οδος"],
    ["ΟΔΟΣ", "οδοσ"],
    ["straße", "STRASSE"],
    ["STRAẞE", "strasse"],
    ["fİle", "file"],
    ["fıle", "FILE"],
    ["ﬁle", "FI\u00adLE"],
    ["e\u200b\u0301cole", "École"],
  ] as const) {
    expect(foldKey(one)).toBe(foldKey(other));
  }
  for (const [one, other] of [
    ["name", "namé"],
    ["名前", "名"],
    ["file_path", "filePath"],
    ["a-b", "ab"],
    ["a.b", "ab"],
    ["z", "ż"],
  ] as const) {
    expect(foldKey(one)).not.toBe(foldKey(other));
  }
});
