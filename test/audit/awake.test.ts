/** How long the loop stays awake for a lone call, and for whom it does not. */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAwake, type Wait } from "../../src/audit/awake.ts";
import { openAudit } from "../../src/audit/open.ts";
import { limits } from "../../src/base/limits.ts";
import { systemClock, systemRandom } from "../../src/base/system.ts";
import { memoryStore } from "../kit/memory-store.ts";
import { call, end } from "./world.ts";

const home = mkdtempSync(join(tmpdir(), "gw-awake-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const short = limits.awakeMs;
const long = short * 1.5;

/** What was waited for, ms each, and whether the loop turns while it waits for the last. */
const cases: readonly [string, readonly (readonly [Wait | "nobody", number])[], boolean][] = [
  ["nothing is known of the disk", [["disk", 0]], false],
  ["the last wait for it was short", [...three(short), ["disk", 0]], true],
  ["the last wait for it was long", [...three(long), ["disk", 0]], false],
  ["only another wait was long", [...three(short), ["server", long], ["disk", 0]], true],
  [
    "the one before was short",
    [
      ["server", long],
      ["disk", 0.1],
      ["disk", 0.1],
      ["server", 0],
    ],
    false,
  ],
  ["only this wait was long", [...three(short), ["server", long], ["server", 0]], false],
  [
    "it was in company: nobody knows",
    [
      ["disk", 0.1],
      ["nobody", 0.1],
      ["disk", 0],
    ],
    false,
  ],
  ["there is company now", [...three(short), ["disk", 0.1], ["nobody", 0]], false],
];

test.each(cases)("the loop stays awake only for what comes soon: %s", async (_, waits, turns) => {
  let now = 1000;
  let gave = 0;
  const awake = createAwake({ mono: () => now }, () => ++gave > 0);
  for (const [wait, ms] of waits) {
    // Its turns for this wait are not what is looked at.
    await turnsOfLoop(3);
    if (wait === "nobody") awake.rests();
    else awake.waits(wait);
    now += ms;
  }
  gave = 0;
  await turnsOfLoop(20);
  expect(gave > 0).toBe(turns);
  // Not longer than that, whatever happens to what it waits for.
  now += short + 0.01;
  await turnsOfLoop(2);
  gave = 0;
  await turnsOfLoop(20);
  expect(gave).toBe(0);
});

test("where nobody can give way, the loop does not turn", async () => {
  let asked = 0;
  const awake = createAwake({ mono: () => 0 }, () => ++asked < 0);
  for (const wait of ["disk", "server", "disk", "agent", "disk"] as const) awake.waits(wait);
  await turnsOfLoop(20);
  expect(asked).toBe(1);
});

test.each([
  ["strict", 1, true],
  ["strict", 12, false],
  ["fast", 1, false],
] as const)("mode %s, %d agents: stays awake %p", async (mode, agents, stays) => {
  let gave = 0;
  let counted: number | undefined;
  // All waits seem short, whatever the disk of the machine.
  const clock = { ...systemClock, mono: () => systemClock.mono() / 1000 };
  const audit = await openAudit({
    ...{ dir: join(home, `${mode}${agents}`), mode, spoolBytesMax: 2 ** 26, clock },
    ...{ segmentBytes: 2 ** 23, store: memoryStore(), random: systemRandom, build: "test" },
    ...{ sys: { fallocate: () => false, giveWay: () => ++gave > 0 }, log: () => {} },
  });
  const calls = 100;
  const agent = async (): Promise<void> => {
    for (let at = 0; at < calls; at += 1) {
      const { seq, durable } = audit.intent(call("quick"));
      await durable;
      await audit.outcome(end(seq)).durable;
    }
    // Those that are not over yet may be alone from here on.
    counted ??= gave;
  };
  await Promise.all(Array.from({ length: agents }, agent));
  // Of a lone call each wait, and each with some turns.
  expect((counted ?? 0) > calls).toBe(stays);
  await audit.close(3000);
});

function three(ms: number): [Wait, number][] {
  return [
    ["disk", ms],
    ["server", ms],
    ["agent", ms],
  ];
}

async function turnsOfLoop(count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) await new Promise((done) => setImmediate(done));
}
