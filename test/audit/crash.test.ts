import { describe, expect, test } from "bun:test";
import process from "node:process";
import { memoryStore } from "../kit/memory-store.ts";
import { seeded, simDisk } from "../kit/sim-fs.ts";
import { type Acked, checkStore, client, drive, type Setup, simClock, start } from "./world.ts";

/** One life of a gateway; crashes in step `crashAt`, or ends in order. True when it crashed. */
async function life(setup: Setup, crashAt: number, acked: Acked[]): Promise<boolean> {
  setup.disk.crashAt = crashAt;
  setup.disk.steps = 0;
  setup.store.down = setup.random() < 0.3;
  const audit = await drive(setup, start(setup));
  if (audit !== undefined) {
    const clients = [1, 2, 3].map(() => client(setup, audit, 6, acked));
    await drive(setup, Promise.all(clients));
    if (!setup.disk.crashed) {
      setup.store.down = false;
      await drive(setup, audit.close(1000));
    }
  }
  return setup.disk.crashed;
}

function world(seed: number, mode: "strict" | "fast"): Setup {
  const random = seeded(seed);
  return { disk: simDisk(), store: memoryStore(seed % 2 === 0), clock: simClock(), random, mode };
}

/** Crashes again and again, then lives once in peace: all that was acknowledged must be there. */
async function sweepOne(seed: number, first: number, mode: "strict" | "fast"): Promise<boolean> {
  const setup = world(seed, mode);
  const acked: Acked[] = [];
  const reached = await life(setup, first, acked);
  for (let again = 0; again < 2; again += 1) {
    setup.disk.restart(setup.random);
    await life(setup, 1 + Math.floor(setup.random() * 60), acked);
  }
  setup.disk.restart(setup.random);
  await life(setup, 0, acked);
  // Mode fast may lose what was not synced yet; it must still never lose order or sense.
  await checkStore(setup.store, mode === "strict" ? acked : []);
  expect(setup.disk.names()).toEqual(["ledger.json"]);
  return reached;
}

/** Crashes in every step that a life of this seed has. */
async function sweep(seeds: number, mode: "strict" | "fast"): Promise<number> {
  let points = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    for (let at = 1; await sweepOne(seed, at, mode); at += 1) points += 1;
  }
  return points;
}

const seeds = Number(process.env["SPOOL_SEEDS"] ?? 6);

describe("crash at every step", () => {
  test("A11 A12 A16 A17 strict: acknowledged is on disk, no gap, one end each", async () => {
    expect(await sweep(seeds, "strict")).toBeGreaterThan(seeds * 40);
  }, 300_000);

  test("A16 A17 fast: what a power cut leaves is a whole chain", async () => {
    expect(await sweep(Math.ceil(seeds / 2), "fast")).toBeGreaterThan(seeds * 10);
  }, 300_000);
});
