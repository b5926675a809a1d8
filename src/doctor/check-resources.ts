/** What can run out: memory, file handles, disk, spool, the loop; and the clock they go by. */

import { existsSync, statfsSync } from "node:fs";
import type { LiveGauge } from "../admin/contract.ts";
import { limits } from "../base/limits.ts";
import { roundSize } from "../base/round-size.ts";
import { type Finding, finding } from "./finding.ts";
import { openFileFindings } from "./open-files.ts";
import { sinceOf } from "./periods.ts";
import { sinceText, spanText } from "./times.ts";
import type { World } from "./world.ts";

export async function checkResources(world: World): Promise<readonly Finding[]> {
  return [
    ...disk(world),
    ...spool(world),
    ...openFileFindings(world),
    ...memory(world),
    ...loop(world),
    ...clock(world),
  ];
}

const link = "gateway";

function gaugeOf({ gateway }: World, name: string): LiveGauge | undefined {
  const live = gateway.kind === "up" ? gateway.live : undefined;
  return live?.gauges.gauges.find((gauge) => gauge.name === name);
}

/** Two segments of the spool: it takes whole ones. */
const diskLeastBytes = 2 * limits.spoolSegmentBytes;

function disk({ config }: World): Finding[] {
  if (config === undefined || !existsSync(config.dataDir)) return [];
  const { bavail, bsize, ffree, files } = statfsSync(config.dataDir);
  const free = bavail * bsize;
  // Some file systems count no files at all.
  const noFiles = files > 0 && ffree < 16;
  if (free >= diskLeastBytes && !noFiles) return [];
  return [
    finding({
      link,
      code: "GW_DISK",
      saw: noFiles
        ? `${config.dataDir}: ${ffree} files can still be made there`
        : `${config.dataDir}: ${Math.round(free / 1024 ** 2)} MiB are free`,
      cause: "the disk is full, of our files or of others'",
      effect: "no receipt can be written, so calls are refused",
    }),
  ];
}

function spool(world: World): Finding[] {
  if (world.gateway.kind !== "up") return [];
  const { broken, fix, spoolBytes, spoolMaxBytes, spoolRecords } = world.gateway.status.audit;
  if (broken !== undefined) {
    return [
      finding({
        link,
        code: "GW_AUDIT_UNAVAILABLE",
        saw: "the spool takes no records",
        since: sinceOf(world, "spool"),
        cause: broken,
        effect: "calls are refused: none is made without a receipt",
        ...(fix !== undefined && { fix }),
      }),
    ];
  }
  const share = spoolBytes / spoolMaxBytes;
  const percent = Math.round(share * 100);
  if (share < 0.8) return [];
  return [
    finding({
      link,
      severity: share <= 1 ? "warning" : "error",
      code: "GW_AUDIT_FULL",
      saw: `the spool holds ${spoolRecords} receipts, ${percent} % of ${roundSize(spoolMaxBytes)}`,
      since: sinceOf(world, "store"),
      cause: "the store does not take receipts as fast as calls make them",
      effect: share > 1 ? "calls are refused" : "calls are refused when it is full",
    }),
  ];
}

function memory(world: World): Finding[] {
  const gauge = gaugeOf(world, "memory");
  if (gauge === undefined || gauge.limit === null || gauge.used < gauge.limit * 0.9) return [];
  return [
    finding({
      link,
      severity: "warning",
      code: "GW_MEMORY",
      saw: `${roundSize(gauge.used)} of ${roundSize(gauge.limit)} are used`,
      cause: "large answers, many sessions, or a limit that is too low",
      effect: gauge.at_limit,
    }),
  ];
}

/** Of the last minute: one late moment is the machine's, not a fault. */
function loop(world: World): Finding[] {
  const late = world.history.flatMap((entry) => {
    const lag = entry.kind === "gauges" ? (entry.used["loop_lag"] ?? 0) : 0;
    return lag > lagMs && entry.at > world.sinceMs ? [{ at: entry.at, lag }] : [];
  });
  const worst = late.toSorted((a, b) => b.lag - a.lag)[0];
  const last = late.at(-1);
  if (worst === undefined || last === undefined) return [];
  const now = late.filter(({ at }) => at > world.nowMs - 60_000).length > 1;
  return [
    finding({
      link,
      severity: now ? "warning" : "info",
      code: "GW_LOOP_LAG",
      saw: `the gateway did not run for ${spanText(worst.lag)}, ${late.length} times late in all`,
      since: `last ${sinceText(last.at, world.nowMs)}`,
      cause: "the process was stopped, the machine slept, or it had no CPU",
      effect: "every call waited that long, deadlines fired late",
    }),
  ];
}

const lagMs = 1_500;

/** What was written cannot be of the future: then the clock was set back. */
function clock(world: World): Finding[] {
  const newest = world.history.reduce((most, entry) => Math.max(most, entry.at), 0);
  if (newest < world.nowMs + 10_000) return [];
  return [
    finding({
      link,
      severity: "warning",
      code: "GW_CLOCK",
      saw: `the history has entries that are ${spanText(newest - world.nowMs)} in the future`,
      cause: "the clock of this machine was set back",
      effect: "keys that had ended may be good again, receipts are out of order by time",
    }),
  ];
}
