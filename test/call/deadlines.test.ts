/** When the time of many calls is over at once. */

import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { createDeadlines, type Watched } from "../../src/call/deadlines.ts";
import { setClock } from "../kit/scripted.ts";

function start() {
  const clock = setClock();
  const deadlines = createDeadlines(clock);
  /** What expired, by the moment. */
  const told = new Map<number, string[]>();
  const call = (name: string, idleAt: number, maxAt = 10_000): Watched => {
    const one: Watched = {
      ...{ place: 0, idleAt, maxAt, extended: false, lateAt: 0, tellLate: () => undefined },
      expired(which) {
        const at = clock.mono();
        told.set(at, [...(told.get(at) ?? []), `${name} ${which}`]);
      },
    };
    deadlines.watch(one);
    return one;
  };
  return { clock, deadlines, told, call };
}

test("R14 of those whose time is over at once a few are told, then others have their turn", async () => {
  const { clock, deadlines, told, call } = start();
  for (let no = 0; no < 22; no += 1) call(`${no}`, 100);
  await clock.advance(200);
  const groups = [...told.values()].map(({ length }) => length);
  expect(groups).toEqual([4, 4, 4, 4, 4, 2]);
  expect([...told.keys()].every((at) => at >= 100 && at < 110)).toBe(true);
  expect(deadlines.inFlight()).toBe(0);
});

test("however many there are, none waits long", async () => {
  const { clock, told, call } = start();
  for (let no = 0; no < 5_000; no += 1) call(`${no}`, 100);
  await clock.advance(400);
  expect([...told.values()].flat()).toHaveLength(5_000);
  expect(Math.max(...told.keys())).toBeLessThan(300);
});

test("a call that ends or gives a sign of life while it waits is not told; each is once", async () => {
  const { clock, deadlines, told, call } = start();
  const calls = Array.from({ length: 12 }, (_, no) => call(`${no}`, 100));
  await clock.advance(100);
  // The youngest: the oldest are at the server, and would hand their turn to one that is late too.
  expect(told.get(100)).toEqual(["11 idle", "10 idle", "9 idle", "8 idle"]);
  expect(limits.expiredAtOnce).toBe(4);
  const [alive, gone, both] = [calls[2], calls[1], calls[0]];
  if (alive === undefined || gone === undefined || both === undefined) throw new Error("no calls");
  alive.idleAt = 300;
  deadlines.clear(gone);
  both.maxAt = 50;
  await clock.advance(100);
  const before = [...told.values()].flat();
  expect(before).toHaveLength(10);
  expect(before).toContain("0 max");
  await clock.advance(200);
  expect([...told.values()].flat().slice(10)).toEqual(["2 idle"]);
  expect(deadlines.inFlight()).toBe(0);
  call("again", 500);
  await clock.advance(200);
  expect([...told.values()].flat().at(-1)).toBe("again idle");
});
