import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { createCame } from "../../src/upstream/came.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function make() {
  const fed: string[] = [];
  const busy: { size: number } = { size: limits.crowd };
  const came = createCame<string>(busy, (wire, chunk) => {
    fed.push(`${wire}${chunk.length}`);
  });
  return { fed, busy, came, add: (wire: string, n: number) => came.add(wire, new Uint8Array(n)) };
}

test("with few connections busy each chunk is read at once", () => {
  const { fed, busy, add } = make();
  busy.size = limits.crowd - 1;
  add("a", 1);
  expect(fed).toEqual(["a1"]);
});

test("with many, chunks are read at the end of the turn, in their order", async () => {
  const { fed, add } = make();
  add("a", 1);
  add("b", 2);
  add("a", 3);
  expect(fed).toEqual([]);
  await turn();
  expect(fed).toEqual(["a1", "b2", "a3"]);
});

test("F27 a chunk never overtakes one that waits, even when few are busy by then", async () => {
  const { fed, busy, add } = make();
  add("a", 1);
  busy.size = 0;
  add("a", 2);
  await turn();
  expect(fed).toEqual(["a1", "a2"]);
});

test("what throws takes no other connection's bytes with it", async () => {
  const fed: string[] = [];
  const came = createCame<string>({ size: limits.crowd }, (wire) => {
    if (wire === "bad") throw new Error("bad");
    fed.push(wire);
  });
  for (const wire of ["a", "bad", "b"]) came.add(wire, new Uint8Array(1));
  expect(() => came.feed()).toThrow("bad");
  await turn();
  expect(fed).toEqual(["a", "b"]);
});

test("what waits is read before a connection is taken or lost, and only once", async () => {
  const { fed, came, add } = make();
  add("a", 1);
  came.feed();
  expect(fed).toEqual(["a1"]);
  await turn();
  expect(fed).toEqual(["a1"]);
});
