import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { createCrowd } from "../../src/front/crowd.ts";

const peer = { address: () => "", keepOpen() {}, limitIdle() {} };
const request = (n: number) => new Request(`http://127.0.0.1/${n}`);

test("few in flight: each request is answered at once", () => {
  const handle = createCrowd({ size: limits.crowd - 1 }, () => new Response());
  expect(handle(request(1), peer)).toBeInstanceOf(Response);
});

test("many: answered at the end of the turn, in their order, each with its own answer", async () => {
  const seen: string[] = [];
  const handle = createCrowd({ size: limits.crowd }, ({ url }) => {
    seen.push(url);
    return new Response(url);
  });
  const answers = [1, 2, 3].map((n) => handle(request(n), peer));
  expect(seen).toEqual([]);
  const texts = await Promise.all(answers.map(async (answer) => (await answer).text()));
  expect(texts).toEqual([1, 2, 3].map((n) => request(n).url));
  expect(seen).toEqual(texts);
});
