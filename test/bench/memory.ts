/** Resident memory at rest, after 100,000 calls, and what a session adds. */

import { openLoad, openSession } from "./load.ts";
import { rssMb } from "./proc.ts";
import type { RowOptions, RowResult } from "./rows.ts";
import { startOurs } from "./targets.ts";

const sessions = 900;

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
    for (let n = 0; n < sessions; n++) await openSession(target);
    const each = ((rssMb(target.pid) - after) * 1e6) / sessions;
    return {
      figures: [],
      notes: [
        `resident at rest ${idle.toFixed(1)} MB, after ${calls} calls ${after.toFixed(1)} MB`,
        `${Math.round(each)} bytes per session (${sessions} opened, with what opening them leaves)`,
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
