/** The gate before the database: how many use it, who waits, and that a late one makes room. */

import { expect, test } from "bun:test";
import { createPoolGate, late } from "../../src/store/pool.ts";

function work() {
  const { promise, resolve } = Promise.withResolvers<string>();
  let begun = false;
  const run = () => {
    begun = true;
    return promise;
  };
  return { run, end: () => resolve("done"), begun: () => begun };
}

test("as many run as there are connections, the others in order; all are counted", async () => {
  let now = 0;
  const gate = createPoolGate(2, () => now);
  expect(gate.status(0)).toEqual({
    ...{ busy: 0, idle: 0, waiting: 0, max: 2, waitP95Ms: null, queryP95Ms: null },
  });
  const all = [work(), work(), work(), work()];
  const ends = all.map(({ run }) => gate.use(1_000, run));
  expect(all.map(({ begun }) => begun())).toEqual([true, true, false, false]);
  expect(gate.status(2)).toMatchObject({ busy: 2, idle: 0, waiting: 2 });
  now = 30;
  all[1]?.end();
  await ends[1];
  expect(all.map(({ begun }) => begun())).toEqual([true, true, true, false]);
  expect(gate.status(2)).toMatchObject({ busy: 2, waiting: 1, waitP95Ms: 30, queryP95Ms: 30 });
  for (const { end } of all) end();
  await Promise.all(ends);
  expect(gate.status(5)).toMatchObject({ busy: 0, idle: 2, waiting: 0 });
});

test("L10 waiting counts: one that is late is told so, and never runs", async () => {
  const gate = createPoolGate(1);
  const holder = work();
  const held = gate.use(1_000, holder.run);
  const waiter = work();
  expect(await gate.use(10, waiter.run).catch((thrown) => thrown)).toBe(late);
  expect(gate.status(1)).toMatchObject({ busy: 1, waiting: 0 });
  holder.end();
  expect(await held).toBe("done");
  expect([waiter.begun(), gate.status(1).busy]).toEqual([false, 0]);
});

test("L10 one that hangs gives its place to the next when it is late, and once only", async () => {
  const gate = createPoolGate(1);
  const frozen = work();
  const lateOne = gate.use(10, frozen.run).catch((thrown) => thrown);
  const next = work();
  const served = gate.use(1_000, next.run);
  expect(await lateOne).toBe(late);
  expect([next.begun(), gate.status(1).busy]).toEqual([true, 1]);
  frozen.end();
  await Promise.resolve();
  expect(gate.status(1)).toMatchObject({ busy: 1, waiting: 0 });
  next.end();
  expect(await served).toBe("done");
  expect(gate.status(1).busy).toBe(0);
});

test("what fails frees its place and keeps its error", async () => {
  const gate = createPoolGate(1);
  const error = new Error("no");
  expect(await gate.use(1_000, () => Promise.reject(error)).catch((thrown) => thrown)).toBe(error);
  expect(await gate.use(1_000, () => Promise.resolve(1))).toBe(1);
});
