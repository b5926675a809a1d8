/** What takes long to read leaves the loop to others, whatever it is; nothing of it is lost. */

import { expect, test } from "bun:test";
import { createHelpings, type Fed } from "../../src/upstream/helpings.ts";
import { setClock } from "../kit/scripted.ts";

/** A chunk that begins with it takes 100 ms more. */
const lastByte = 0x0a;

/** A connection of which reading 4 kB takes `msPer4k`, on a clock of its own. */
function world(msPer4k: number) {
  const clock = setClock();
  let work = 0;
  const seen = { bytes: 0, paused: 0, resumed: 0, lost: 0, longest: 0, busy: true };
  const count = (what: "paused" | "resumed" | "lost"): void => {
    seen[what] += 1;
  };
  const wire: Fed = {
    connection: {
      write: () => true,
      lend: () => true,
      hasSent: () => true,
      pause: () => count("paused"),
      resume: () => count("resumed"),
      destroy: () => undefined,
    },
    ...{ gone: false, resting: false, crowded: 0, fed: 0, held: undefined, closing: undefined },
  };
  const helpings = createHelpings<Fed>({
    clock: { ...clock, mono: () => clock.mono() + work },
    parse(_wire, chunk) {
      const ms = (chunk.length / 4096) * msPer4k + (chunk[0] === lastByte ? 100 : 0);
      work += ms;
      seen.bytes += chunk.length;
      seen.longest = Math.max(seen.longest, ms);
    },
    isBusy: () => seen.busy,
    lose: () => count("lost"),
  });
  return { clock, wire, seen, helpings };
}

test("R14 what takes long is read in small helpings, with rests twice as long as the work", async () => {
  const { clock, wire, seen, helpings } = world(4);
  helpings.feed(wire, new Uint8Array(64 * 1024));
  expect(seen).toMatchObject({ bytes: 64 * 1024, paused: 1 });
  await clock.advance(2 * 64 - 1);
  expect(seen.resumed).toBe(0);
  await clock.advance(1);
  expect(seen.resumed).toBe(1);
  seen.longest = 0;
  helpings.feed(wire, new Uint8Array(64 * 1024));
  const began = clock.mono();
  while (seen.resumed < 2) await clock.advance(1);
  expect(seen).toMatchObject({ bytes: 128 * 1024, longest: 4 });
  expect(clock.mono() - began).toBeGreaterThanOrEqual(16 * 8);
});

test("R14 the last byte of a long event, which has all of it read, is followed by a rest", async () => {
  const { clock, wire, seen, helpings } = world(0.01);
  for (let count = 0; count < 100; count += 1) helpings.feed(wire, new Uint8Array(4000));
  expect(seen.paused).toBe(0);
  helpings.feed(wire, Uint8Array.of(lastByte));
  expect(seen.paused).toBe(1);
  await clock.advance(199);
  expect(seen.resumed).toBe(0);
  await clock.advance(10);
  expect(seen.resumed).toBe(1);
});

test("what is soon read is read as it comes, and an answer that is over rests nobody", () => {
  const quick = world(0.01);
  for (let count = 0; count < 100; count += 1) {
    quick.helpings.feed(quick.wire, new Uint8Array(64 * 1024));
  }
  expect(quick.seen).toMatchObject({ bytes: 6_400 * 1024, paused: 0 });
  const over = world(100);
  over.seen.busy = false;
  over.helpings.feed(over.wire, new Uint8Array(64 * 1024));
  expect(over.seen.paused).toBe(0);
});

test("what came before a connection closed is read before its end", async () => {
  const { clock, wire, seen, helpings } = world(4);
  helpings.feed(wire, new Uint8Array(8 * 1024));
  helpings.feed(wire, new Uint8Array(12 * 1024));
  expect(helpings.holds(wire, undefined)).toBe(true);
  expect(seen).toMatchObject({ bytes: 8 * 1024, lost: 0 });
  await clock.advance(1_000);
  expect(seen).toMatchObject({ bytes: 20 * 1024, lost: 1 });
});
