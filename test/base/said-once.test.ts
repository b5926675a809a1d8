import { expect, test } from "bun:test";
import { saidOnce } from "../../src/base/said-once.ts";

const cases: readonly (readonly [text: string, cause: string, said: string])[] = [
  ["backoff: no (5 times)", "no", "backoff: for the cause above (5 times)"],
  ["backoff: no", "started 12 times; last: no", "backoff: for the cause above"],
  ["crash-loop: started; last: no", "started; last: no", "crash-loop: for the cause above"],
  ["ready, modern", "no", "ready, modern"],
  ["backoff: no", "", "backoff: no"],
  ["ready", "started; last: ", "ready"],
];

test.each(cases)("%s, after %s", (text, cause, said) => {
  expect(saidOnce(text, cause)).toBe(said);
});
