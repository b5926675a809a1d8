/** Resident memory at rest, after 100,000 calls, and what a session adds. */

import { openLoad, openSession } from "./load.ts";
import { median } from "./measure.ts";
import { rssMb } from "./proc.ts";
import type { RowOptions, RowResult } from "./rows.ts";
import { startOurs, type Target } from "./targets.ts";

/** A key may have 1024; the load opens some too. */
const sessions = 700;
const warmUp = 200;

export async function memoryRow({ upstream, quick }: RowOptions): Promise<RowResult> {
  const target = await startOurs({ mode: "strict", upstream, bytes: 200 });
  try {
    await Bun.sleep(2_000);
    const idle = rssMb(target.pid);
    const calls = quick ? 20_000 : 100_000;
    const load = await openLoad(target, { bytes: 200, shape: "text", concurrency: 32 });
    await load.run({ calls });
    load.close();
    const after = rssMb(target.pid);
    // The first sessions bring what opening them needs; the later ones only themselves.
    for (let n = 0; n < warmUp; n++) await openSession(target);
    const before = await settledMb(target);
    for (let n = 0; n < sessions; n++) await openSession(target);
    const grown = (await settledMb(target)) - before;
    return {
      figures: [],
      notes: [
        `resident at rest ${idle.toFixed(1)} MB, after ${calls} calls ${after.toFixed(1)} MB`,
        `${sessions} more sessions after ${warmUp}: ${grown.toFixed(1)} MB (the collector swings by 1 or 2)`,
      ],
      bars: [
        { what: "RSS MB at rest", value: idle, limit: 60 },
        { what: `RSS MB after ${calls} calls`, value: after, limit: 110 },
      ],
    };
  } finally {
    await target.stop();
  }
}

/**
 * The median of five looks, after some calls and a pause: the collector runs where calls ended, and
 * what opening the sessions left is no memory of theirs.
 */
async function settledMb(target: Target): Promise<number> {
  const load = await openLoad(target, { bytes: 200, shape: "text", concurrency: 8 });
  await load.run({ calls: 10_000 });
  load.close();
  const looks: number[] = [];
  await Bun.sleep(5_000);
  for (let n = 0; n < 5; n++) {
    looks.push(rssMb(target.pid));
    await Bun.sleep(100);
  }
  return median(looks);
}
