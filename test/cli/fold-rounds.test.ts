/** A circle of crashes in the history of a server. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { foldRounds } from "../../src/cli/fold-rounds.ts";

const told = (text: string) => [...text].map((key) => ({ key, lines: [key] }));
const shown = (text: string) =>
  foldRounds(told(text))
    .flatMap(({ lines }) => lines)
    .map((line) => line.trim())
    .join(" ");

const cases: readonly [string, string][] = [
  ["abc", "a b c"],
  ["aaa", "a this 3 times in a row"],
  ["xabcabcabcy", "x a b c these 3, 3 times in a row y"],
  ["abab", "a b these 2, 2 times in a row"],
  ["abcdefgabcdefg", "a b c d e f g a b c d e f g"],
];
for (const [entries, text] of cases) {
  test(entries, () => expect(shown(entries)).toBe(text));
}

test("nothing that happened is lost, and order is kept", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 40 }), (keys) => {
      const unfolded: string[] = [];
      for (const { key, lines } of foldRounds(told(keys.join("")))) {
        const [, length, times] = /(?:this|these (\d+),) (\d+) times/.exec(lines[0] ?? "") ?? [];
        if (key !== "") unfolded.push(key);
        else {
          const round = unfolded.slice(-Number(length ?? 1));
          for (let n = 1; n < Number(times); n += 1) unfolded.push(...round);
        }
      }
      expect(unfolded).toEqual(keys);
    }),
  );
});
