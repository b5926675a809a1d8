/** How long a write of mode strict waits for more records. */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isComplete, newCrowd, noteWrite } from "../../src/audit/crowd.ts";
import { openAudit } from "../../src/audit/open.ts";
import type { Clock } from "../../src/base/ports.ts";
import { systemClock, systemRandom } from "../../src/base/system.ts";
import { memoryStore } from "../kit/memory-store.ts";
import { call, end } from "./world.ts";

const home = mkdtempSync(join(tmpdir(), "gw-crowd-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** What happens; writes (records, calls at their servers); from how many a write is complete. */
const cases: readonly [string, readonly (readonly [number, number])[], number][] = [
  ["nothing is known yet", [], 0],
  ["one call after another", [[1, 0]], 1],
  ["32 at once, whose servers answer at once", [...many(20, 32, 0)], 28],
  ["the same, while some are at their servers", [...many(5, 32, 0), [20, 12], [24, 8]], 26],
  ["4 beside 30 that take minutes", [...many(40, 4, 30)], 4],
  ["256 whose servers take long: few come at once", [...many(200, 10, 246)], 9],
  ["32 that have gone, and 2 that stay", [...many(20, 32, 0), ...many(80, 2, 0)], 2],
];

test.each(cases)("a write is complete: %s", (_, writes, least) => {
  const crowd = newCrowd();
  for (const [records, away] of writes) noteWrite(crowd, records, away);
  const first = Array.from({ length: 300 }, (_, n) => n).find((n) => isComplete(crowd, n));
  expect(first).toBe(least);
});

function many(times: number, records: number, away: number): [number, number][] {
  return Array.from({ length: times }, () => [records, away]);
}

test("a write does not wait on when all calls under way are there, also beside slow ones", async () => {
  for (const slow of [0, 20]) {
    const waits = { begun: 0, over: 0 };
    const clock: Clock = {
      ...systemClock,
      after(ms, run) {
        if (ms > 2) return systemClock.after(ms, run);
        waits.begun += 1;
        return systemClock.after(ms, () => {
          waits.over += 1;
          run();
        });
      },
    };
    const audit = await openAudit({
      ...{ dir: join(home, String(slow)), mode: "strict", spoolBytesMax: 2 ** 26, clock },
      ...{ segmentBytes: 2 ** 23, store: memoryStore(), random: systemRandom, build: "test" },
      ...{ sys: { fallocate: () => false }, log: () => {} },
    });
    const waiting = Array.from({ length: slow }, () => audit.intent(call("slow")));
    await Promise.all(waiting.map(({ durable }) => durable));
    const client = async (): Promise<void> => {
      for (let at = 0; at < 150; at += 1) {
        const { seq, durable } = audit.intent(call("quick"));
        await durable;
        await audit.outcome(end(seq)).durable;
      }
    };
    await Promise.all(Array.from({ length: 8 }, client));
    await audit.close(3000);
    expect([slow, waits.over < waits.begun / 2]).toEqual([slow, true]);
  }
});
