/** What can run out in the scripted demo, at any moment of it; the sentences are the gateway's. */

import type { LiveGauge, LiveGauges } from "../src/admin/contract.ts";
import { demoData } from "./demo-tools.ts";

const minute = 60_000;
const mebi = 1024 ** 2;
const gibi = 1024 ** 3;

/** The database gets slow, is away, and is back: ms after the demo opens. */
export const databaseSlow = 10 * minute;
export const databaseGone = 11.5 * minute;
export const databaseBack = 14 * minute;
/** Receipts that wait are shipped this fast when it is back. */
const shippedPerSecond = 400;

export interface Load {
  readonly callsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly inFlight: number;
  /** Receipt records a second. */
  readonly recordsPerSecond: number;
}

/** `at`: ms after the demo opens; `jitter`: 0 to 1, what makes numbers move. */
export function gaugesAt(at: number, load: Load, jitter: number): LiveGauges {
  const spool = spoolAt(at, load, jitter);
  return {
    gauges: gaugeRows(at, load, jitter, spool.bytes),
    store: storeAt(at, jitter),
    spool,
    callsPerSecond: load.callsPerSecond,
    errorsPerSecond: load.errorsPerSecond,
    cpu: Math.round((0.03 + load.callsPerSecond * 0.004 + jitter * 0.01) * 100) / 100,
  };
}

function storeAt(at: number, jitter: number): LiveGauges["store"] {
  if (at >= databaseGone && at < databaseBack) {
    return {
      ...{ kind: "postgres", ok: false },
      error: "connect ECONNREFUSED 10.0.4.7:5432",
      pool: { busy: 0, idle: 0, waiting: 2, max: 10, waitP95Ms: 5_000, queryP95Ms: null },
    };
  }
  const slow = at >= databaseSlow && at < databaseGone;
  const pool = slow
    ? { busy: 10, idle: 0, waiting: 6 + Math.round(jitter * 8), waitP95Ms: 412.5, queryP95Ms: 890 }
    : {
        ...{ busy: 1 + Math.round(jitter * 2), idle: 4, waiting: 0 },
        ...{ waitP95Ms: 0.4, queryP95Ms: tenth(2.8 + jitter) },
      };
  return { kind: "postgres", ok: true, error: null, pool: { ...pool, max: 10 } };
}

function spoolAt(at: number, load: Load, jitter: number): LiveGauges["spool"] {
  const gone = at >= databaseGone && at < databaseBack;
  const rate = load.recordsPerSecond;
  const atEnd = Math.round(((databaseBack - databaseGone) / 1000) * rate);
  const drained = Math.round(((at - databaseBack) / 1000) * shippedPerSecond);
  const waiting = gone
    ? Math.round(((at - databaseGone) / 1000) * rate)
    : at >= databaseBack
      ? Math.max(0, atEnd - drained)
      : 0;
  const records = waiting + Math.round(jitter * 12);
  return {
    ...{ records, bytes: records * 612, maxBytes: 10 * gibi },
    oldestMs: gone ? at - databaseGone : records === 0 ? 0 : 40 + Math.round(jitter * 160),
    behaviour: gone
      ? "keeping receipts in the spool until the store is back"
      : "writing receipts and shipping them to the store",
    broken: null,
  };
}

function gaugeRows(at: number, load: Load, jitter: number, spool: number): readonly LiveGauge[] {
  const memory = (92 + Math.sin(at / minute) * 4 + jitter) * mebi;
  return [
    gauge(["memory", memory, 512 * mebi, "bytes"], {
      at_limit: "the system ends the gateway; what was answered has its receipt",
    }),
    gauge(["loop_lag", tenth(0.6 + jitter * 2), 200, "ms"], {
      at_limit: "every call waits this much longer, and deadlines fire late",
    }),
    gauge(["file_handles", 74 + load.inFlight, 1_024, "count"], {
      at_limit: "new connections and servers fail until others close: raise LimitNOFILE",
    }),
    gauge(["children", 4, 4, "count"], {
      ...{ at_limit: "each stdio server has one, which is started again when it ends", ok: true },
    }),
    gauge(["in_flight", load.inFlight, 1_084, "count"], {
      at_limit:
        "calls over a server's max_in_flight wait, over its max_queued get GW_UPSTREAM_BUSY",
    }),
    gauge(["sessions", 3, 5_120, "count"], {
      at_limit:
        "a key with 1024 loses its longest unused session to a new one, or gets GW_SESSIONS_FULL",
    }),
    gauge(["streams", 2, 320, "count"], {
      at_limit: "a key with 64 gets GW_SESSIONS_FULL for a further one",
    }),
    gauge(["unread", 0, 256 * mebi, "bytes"], {
      at_limit: "further large answers are dropped with GW_CLIENT_SLOW until clients read",
    }),
    gauge(["spool", spool, 10 * gibi, "bytes"], {
      at_limit: "calls are refused with GW_AUDIT_FULL until the store takes receipts",
    }),
    gauge(["disk", 31.4 * gibi, 49.1 * gibi, "bytes"], {
      at_limit: `no receipt can be written in ${demoData}, so calls are refused`,
    }),
  ];
}

function gauge(
  [name, used, limit, unit]: readonly [string, number, number, LiveGauge["unit"]],
  more: { readonly at_limit: string; readonly ok?: boolean },
): LiveGauge {
  const rounded = unit === "ms" ? used : Math.round(used);
  return { name, used: rounded, limit, unit, ok: used <= limit * 0.9, ...more };
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
