/** R8: who gets a place when the files that the process may have are nearly used up. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "../../src/base/limits.ts";
import { createRoom, noRoom } from "../../src/runtime/http/room.ts";

/** A kernel: gives each newcomer the lowest number that is free. */
function world(most: number | null, own = 20) {
  const state = { most, now: 1_000, looks: 0, wronged: 0 };
  const used = new Set(Array.from({ length: own }, (_, handle) => handle));
  const sent = new Set<number>();
  const room = createRoom({
    mono: () => state.now,
    limit() {
      state.looks += 1;
      return state.most;
    },
    hasSent: (handle) => sent.has(handle),
  });
  function open() {
    let handle = 0;
    while (used.has(handle)) handle += 1;
    used.add(handle);
    const guest = {
      ...{ handle, gone: false },
      speak: () => sent.add(handle),
      close() {
        guest.gone = true;
        used.delete(handle);
        sent.delete(handle);
        room.leave(guest);
      },
      terminate() {
        if (sent.has(handle)) state.wronged += 1;
        guest.close();
      },
    };
    const entered = room.enter(guest, handle);
    if (!entered) guest.close();
    return Object.assign(guest, { entered });
  }
  return { state, used, sent, room, open };
}

const ninety = limits.handlesShare * 100;

test("R8 who said nothing for longest makes room, who sent anything does not", () => {
  const { open, room, used } = world(100);
  const guests = Array.from({ length: ninety - 20 }, open);
  const [first, second, third] = guests;
  if (!first || !second || !third) throw new Error("too few");
  first.speak();
  second.speak();
  const late = open();
  expect([first.gone, second.gone, third.gone, late.entered]).toEqual([false, false, true, true]);
  expect(used.size).toBe(ninety);
  expect(room.ended()).toEqual({ silent: 1, turnedAway: 0 });
  expect(room.ended()).toEqual({ silent: 0, turnedAway: 0 });
});

test("R8 where nobody is silent, who comes is turned away, until one leaves", () => {
  const { open, room } = world(100);
  const guests = Array.from({ length: ninety - 20 }, open);
  for (const guest of guests) guest.speak();
  expect([open().entered, open().entered]).toEqual([false, false]);
  expect(room.ended()).toEqual({ silent: 0, turnedAway: 2 });
  expect(guests.some(({ gone }) => gone)).toBe(false);
  guests[3]?.close();
  expect([open().entered, open().entered]).toEqual([true, true]);
});

test("R8 in any order of comings, words and goings some files stay free", () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant("silent" as const) },
    { weight: 4, arbitrary: fc.constant("talks" as const) },
    { weight: 1, arbitrary: fc.constant("leaves" as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 400, size: "max" }), (steps) => {
      const { state, open, used } = world(64, 20);
      const guests: ReturnType<typeof open>[] = [];
      for (const what of steps) {
        if (what === "leaves") guests.find(({ gone }) => !gone)?.close();
        else {
          const guest = open();
          guests.push(guest);
          if (guest.gone) continue;
          if (what === "talks") guest.speak();
        }
        if (used.size > Math.ceil(64 * limits.handlesLastShare)) return false;
      }
      return state.wronged === 0;
    }),
  );
});

test("the limit is looked at now and then, and what was known holds where nobody says", () => {
  const { state, open } = world(1_000);
  const [first] = Array.from({ length: 60 }, open);
  expect(state.looks).toBe(1);
  state.most = 85;
  state.now += limits.handlesLookMs;
  const guests = Array.from({ length: 5 }, open);
  expect(state.looks).toBe(2);
  expect(first?.gone).toBe(true);
  expect(guests.every(({ entered }) => entered)).toBe(true);
  state.most = null;
  state.now += limits.handlesLookMs;
  for (const guest of guests) guest.speak();
  const before = guests.length;
  for (let count = 0; count < 100; count += 1) guests.push(open());
  expect(state.looks).toBe(3);
  expect(guests.slice(before).some(({ gone }) => gone)).toBe(true);
});

test("without a limit there is room for all", () => {
  const { open } = world(null);
  const guests = Array.from({ length: 2_000 }, open);
  expect(guests.every(({ gone }) => !gone)).toBe(true);
});

test("who is turned away is told why, by an answer that is one", () => {
  const [head = "", body = ""] = noRoom.split("\r\n\r\n");
  expect(head).toStartWith("HTTP/1.1 503 ");
  expect(head).toContain(`content-length: ${Buffer.byteLength(body)}\r\n`);
  expect(JSON.parse(body)).toMatchObject({ error: { code: "GW_FILE_HANDLES" } });
});
