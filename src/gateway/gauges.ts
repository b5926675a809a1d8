/** What can run out: how much is used, the limit, and what the gateway does there. */

import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { totalmem } from "node:os";
import process from "node:process";
import type { LiveGauge, LiveGauges } from "../admin/contract.ts";
import type { AuditStatus } from "../audit/audit.ts";
import { limits } from "../base/limits.ts";
import { handleLimit } from "../runtime/handles.ts";
import type { Parts } from "./parts.ts";
import type { Pulse } from "./pulse.ts";
import type { Server } from "./servers.ts";

export interface Gauges {
  read(): LiveGauges;
}

export function createGauges(parts: Parts, pulse: Pulse): Gauges {
  const memoryMax = memoryLimit();
  const handlesMax = handleLimit();
  const dear = createDear(parts);
  return {
    read() {
      const audit = parts.audit.status();
      return {
        gauges: [
          ...processGauges(parts, pulse, { memoryMax, handlesMax, handles: dear().handles }),
          ...frontGauges(parts),
          ...receiptGauges(parts, audit, dear().disk),
        ],
        store: {
          kind: audit.store.kind,
          ok: audit.store.ok,
          error: audit.store.error ?? null,
          pool: parts.store.pool?.() ?? null,
        },
        spool: {
          records: audit.spoolRecords,
          bytes: audit.spoolBytes,
          maxBytes: audit.spoolMaxBytes,
          oldestMs: audit.lagMs,
          behaviour: behaviourOf(audit),
          broken: audit.broken ?? null,
        },
        callsPerSecond: pulse.callsPerSecond,
        errorsPerSecond: pulse.errorsPerSecond,
        cpu: pulse.cpu,
      };
    },
  };
}

function processGauges(
  parts: Parts,
  pulse: Pulse,
  known: { memoryMax: number; handlesMax: number | null; handles: number | null },
): readonly LiveGauge[] {
  const children = parts.servers.all.filter(({ upstream }) => upstream.status().pid !== undefined);
  const stdio = parts.config.servers.filter(({ transport }) => transport.kind === "stdio");
  return [
    gauge("memory", process.memoryUsage.rss(), known.memoryMax, "bytes", {
      atLimit: "the system ends the gateway; what was answered has its receipt",
    }),
    gauge("loop_lag", pulse.loopLagMs, limits.loopLagMs, "ms", {
      atLimit: "every call waits this much longer, and deadlines fire late",
    }),
    ...(known.handles === null
      ? []
      : [
          gauge("file_handles", known.handles, known.handlesMax, "count", {
            atLimit: "new connections and servers fail until others close: raise LimitNOFILE",
          }),
        ]),
    gauge("children", children.length, stdio.length, "count", {
      atLimit: "each stdio server has one, which is started again when it ends",
      full: Number.POSITIVE_INFINITY,
    }),
  ];
}

function frontGauges(parts: Parts): readonly LiveGauge[] {
  const front = parts.front?.status() ?? noFront;
  const keys = Math.max(1, parts.access.status().keys);
  const room = parts.config.servers.reduce((sum, { maxInFlight }) => sum + maxInFlight, 0);
  const full = parts.servers.all.filter(isFull);
  const { board } = parts.calls;
  return [
    gauge("in_flight", board.inFlight.size, room, "count", {
      atLimit: "calls over a server's max_in_flight wait, over its max_queued get GW_UPSTREAM_BUSY",
      ...(full.length > 0 ? { full: 0 } : {}),
    }),
    gauge("calls_of_key", board.mostOfKey(), board.callsPerKey, "count", {
      atLimit: "further calls of that key are refused with GW_KEY_BUSY",
    }),
    gauge("sessions", front.sessions, keys * limits.sessionsPerKey, "count", {
      atLimit:
        `a key with ${limits.sessionsPerKey} loses its longest unused session to a new one, ` +
        "or gets GW_SESSIONS_FULL",
    }),
    gauge("streams", front.streams, keys * limits.streamsPerKey, "count", {
      atLimit: `a key with ${limits.streamsPerKey} gets GW_SESSIONS_FULL for a further one`,
    }),
    gauge("unread", front.unreadBytes, limits.unreadBytes, "bytes", {
      atLimit: "further large answers are dropped with GW_CLIENT_SLOW until clients read",
    }),
  ];
}

function receiptGauges(parts: Parts, audit: AuditStatus, disk: Disk | null): readonly LiveGauge[] {
  return [
    gauge("spool", audit.spoolBytes, audit.spoolMaxBytes, "bytes", {
      atLimit: "calls are refused with GW_AUDIT_FULL until the store takes receipts",
    }),
    ...(disk === null
      ? []
      : [
          gauge("disk", disk.total - disk.free, disk.total, "bytes", {
            atLimit: `no receipt can be written in ${parts.config.dataDir}, so calls are refused`,
            // The spool takes whole segments.
            full: 1 - (2 * limits.spoolSegmentBytes) / disk.total,
          }),
        ]),
  ];
}

/** `full`: from this share of the limit on it is not well any more. */
function gauge(
  name: string,
  used: number,
  limit: number | null,
  unit: LiveGauge["unit"],
  more: { atLimit: string; full?: number },
): LiveGauge {
  const ok = limit === null || used <= limit * (more.full ?? 0.9) || used === 0;
  return { name, used, limit, unit, at_limit: more.atLimit, ok };
}

const noFront = { sessions: 0, streams: 0, inFlight: 0, unreadBytes: 0 };

function isFull({ upstream, config }: Server): boolean {
  return upstream.status().inFlight >= config.maxInFlight;
}

/** One sentence: what becomes of a receipt now. */
function behaviourOf(audit: AuditStatus): string {
  if (audit.broken !== undefined) return "refusing calls: no receipt can be written";
  if (audit.spoolBytes > audit.spoolMaxBytes) return "refusing calls: the spool is full";
  if (!audit.store.ok) return "keeping receipts in the spool until the store is back";
  return "writing receipts and shipping them to the store";
}

interface Disk {
  readonly total: number;
  readonly free: number;
}

interface Dear {
  readonly handles: number | null;
  readonly disk: Disk | null;
}

/** What takes system calls that grow with use: looked at less often than it is asked for. */
function createDear(parts: Parts): () => Dear {
  const { clock } = parts.calls;
  let known: Dear = { handles: null, disk: null };
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock.mono();
    if (now - readAt < limits.liveHeartbeatMs) return known;
    readAt = now;
    known = { handles: openHandles(), disk: diskOf(parts.config.dataDir) };
    return known;
  };
}

function openHandles(): number | null {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    // No /proc: not Linux.
    return null;
  }
}

function diskOf(folder: string): Disk | null {
  try {
    const { bsize, blocks, bavail } = statfsSync(folder);
    return { total: blocks * bsize, free: bavail * bsize };
  } catch {
    // A gauge that cannot be read is left out; writing there tells its own faults.
    return null;
  }
}

/** The smallest `memory.max` of our cgroups (v2), else what the machine has. */
function memoryLimit(): number {
  const own = textOf("/proc/self/cgroup").split("\n")[0]?.split("::")[1]?.trim() ?? "";
  let least = totalmem();
  for (let at = own; at !== "" && at !== "/"; at = at.slice(0, at.lastIndexOf("/"))) {
    const max = Number(textOf(`/sys/fs/cgroup${at}/memory.max`).trim() || Number.NaN);
    if (Number.isFinite(max)) least = Math.min(least, max);
  }
  return least;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not there on this system.
    return "";
  }
}
