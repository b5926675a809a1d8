import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { keepSmall } from "../../src/gateway/keep-small.ts";
import { currentRuntime } from "../../src/runtime/current.ts";
import { setClock } from "../kit/scripted.ts";

const MB = 1024 * 1024;

/** A heap of which so much lives; each look finds it grown. */
function heap(livesMB: number, growsMB: number) {
  const state = {
    ...{ bytes: livesMB * MB, lives: livesMB * MB, calls: 0 },
    ...{ collected: [] as number[], young: [] as number[] },
  };
  const sys = {
    heapBytes: () => state.bytes,
    collect() {
      state.collected.push(Math.round(state.bytes / MB));
      state.bytes = state.lives;
    },
    collectYoung: () => void state.young.push(state.calls),
  };
  const clock = setClock();
  const stop = keepSmall(clock, sys, () => state.calls);
  async function look(calls = 1): Promise<void> {
    state.calls += calls;
    state.bytes += growsMB * MB;
    // It comes sooner once, as calls came.
    await clock.advance(limits.heapLookMs + limits.heapBusyMs);
  }
  const wait = (ms: number) => clock.advance(ms);
  return { state, look, wait, stop };
}

test("a heap that grows is collected when it is past the limit, and not before", async () => {
  const { state, look } = heap(10, 4);
  for (let looks = 0; looks < 6; looks += 1) await look();
  expect(state.collected).toEqual([18, 18, 18]);
});

test("what lives may be more than the limit: it is collected when it has grown by so much", async () => {
  const { state, look } = heap(30, 5);
  for (let looks = 0; looks < 5; looks += 1) await look();
  // The first time nobody knows how much of it lives.
  expect(state.collected).toEqual([35, 40, 40]);
  state.lives = 5 * MB;
  state.bytes = 0;
  for (let looks = 0; looks < 4; looks += 1) await look();
  expect(state.collected.slice(3)).toEqual([20]);
});

test("where much lives it is left to the runtime, until there is less", async () => {
  const { state, look } = heap(100, 20);
  for (let looks = 0; looks < 9; looks += 1) await look();
  expect(state.collected).toEqual([120]);
  state.lives = 10 * MB;
  state.bytes = 10 * MB;
  await look();
  await look();
  expect(state.collected).toEqual([120, 50]);
});

test("without calls nothing is looked at, however large", async () => {
  const { state, look } = heap(10, 30);
  await look(0);
  expect(state.collected).toEqual([]);
  await look();
  expect(state.collected).toEqual([70]);
});

test("many calls are looked at sooner", async () => {
  const { state, look } = heap(10, 30);
  await look(limits.heapLookCalls - 1);
  expect(state.collected).toEqual([40]);
  const quarter = heap(10, 30);
  quarter.state.calls = limits.heapLookCalls - 1;
  quarter.state.bytes = 50 * MB;
  await quarter.wait(limits.heapLookMs / 4);
  expect(quarter.state.collected).toEqual([]);
  quarter.state.calls += 1;
  await quarter.wait(limits.heapLookMs / 4);
  expect(quarter.state.collected).toEqual([50]);
});

test("what is young is collected after so many calls, and not where much lives", async () => {
  const few = limits.heapYoungCalls / 2;
  const { state, wait } = heap(10, 0);
  const busy = async (calls: number) => {
    state.calls += calls;
    await wait(limits.heapBusyMs);
  };
  await wait(limits.heapRestMs);
  state.calls += few;
  await wait(limits.heapRestMs);
  expect(state.young).toEqual([]);
  await busy(few - 1);
  expect(state.young).toEqual([]);
  await busy(1);
  expect(state.young).toEqual([2 * few]);
  await busy(2 * few - 1);
  await busy(1);
  expect(state.young).toEqual([2 * few, 4 * few]);
  // A collection of all of it takes the young, too.
  state.bytes = 30 * MB;
  await wait(limits.heapLookMs);
  await busy(2 * few);
  await wait(limits.heapLookMs);
  expect(state.collected).toEqual([30]);
  const at = state.young.length;
  // Where much lives, the runtime is left alone.
  state.lives = state.bytes = 100 * MB;
  await busy(limits.heapLookCalls);
  await busy(limits.heapLookCalls);
  expect(state.young.length).toBe(at);
});

test("it ends, and a platform that cannot say is not asked again", async () => {
  const { state, look, stop } = heap(10, 30);
  stop();
  await look();
  expect(state.collected).toEqual([]);
  const clock = setClock();
  let asked = 0;
  let calls = 0;
  const sys = {
    heapBytes() {
      asked += 1;
      return undefined;
    },
    collect: () => {},
    collectYoung: () => {},
  };
  keepSmall(clock, sys, () => ++calls);
  await clock.advance(10 * limits.heapLookMs);
  expect(asked).toBe(1);
});

test("this runtime says how large its heap is, and collects it", async () => {
  const { sys } = await currentRuntime();
  const left = unused();
  await Bun.sleep(1);
  sys.collect();
  // The stack may still hold one or the other.
  expect(left.filter((one) => one.deref() !== undefined).length).toBeLessThan(left.length / 2);
  expect(sys.heapBytes()).toBeGreaterThan(100_000);
});

function unused(): WeakRef<object>[] {
  return Array.from({ length: 1_000 }, (_, at) => new WeakRef({ at }));
}
