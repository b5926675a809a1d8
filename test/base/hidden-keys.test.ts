import { expect, test } from "bun:test";
import fc from "fast-check";
import { newToken } from "../../src/access/token.ts";
import { withoutKeys } from "../../src/base/hidden-keys.ts";
import { systemRandom } from "../../src/base/system.ts";

const key = `agw_${"aZ09-_".repeat(8).slice(0, 43)}`;

test.each([
  ["", ""],
  ["files__read", "files__read"],
  [key, "agw_[hidden]"],
  [`${key}${key}`, "agw_[hidden]"],
  [`a ${key} b ${key}`, "a agw_[hidden] b agw_[hidden]"],
  [`${key}x`, "agw_[hidden]"],
  [`agw_${key}`, "agw_[hidden]"],
  [key.slice(0, -1), key.slice(0, -1)],
  [`${key.slice(0, -1)} ${key}`, `${key.slice(0, -1)} agw_[hidden]`],
  ["agw_agw_agw_", "agw_agw_agw_"],
])("F9 A18 a key in %j is not shown", (text, shown) => {
  expect(withoutKeys(text)).toBe(shown);
});

test("F9 whatever stands around a key, it is gone, and nothing else is", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (before, after) => {
      const token = newToken(systemRandom);
      expect(withoutKeys(`${before} ${token}${after}`)).not.toContain(token.slice(4));
      if (!`${before}${after}`.includes("agw_"))
        expect(withoutKeys(before + after)).toBe(before + after);
    }),
  );
});
