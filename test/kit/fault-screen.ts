/** What a person sees in the TUI of a real gateway: its live view, drawn, times and ids masked. */

import { join } from "node:path";
import { adminClient } from "../../src/admin/client.ts";
import { type LiveServer, type LiveSnapshot, paths } from "../../src/admin/contract.ts";
import { plainText } from "../../tui/paint.ts";
import { frame } from "../../tui/view/frame.ts";
import { envOf, press, storeOf } from "./tui-demo.ts";

export interface FaultScreen {
  readonly keys: readonly string[];
  /** The gateway has noticed it. */
  readonly until?: (snapshot: LiveSnapshot) => boolean;
}

/** The screen that these keys lead to, at 80x24, of the gateway that works in `folder`. */
export async function faultScreen(folder: string, { keys, until }: FaultScreen): Promise<string> {
  const env = envOf(storeOf(masked(await settled(folder, until), folder)));
  const lines = frame(press({ columns: 80, rows: 24 }, keys, env), env);
  return `${lines.map((line) => plainText(line).trimEnd()).join("\n")}\n`;
}

/** Between two attempts: while one goes on, a server is `starting` for some ms. */
async function settled(folder: string, until: FaultScreen["until"]): Promise<LiveSnapshot> {
  const client = adminClient({ socket: join(folder, "admin.sock") });
  for (const end = performance.now() + 10_000; ; await Bun.sleep(20)) {
    const snapshot = await client.get<LiveSnapshot>(paths.snapshot);
    const busy = snapshot.servers.some(({ state }) => state === "starting");
    const noticed = until?.(snapshot) ?? true;
    if ((noticed && !busy) || performance.now() > end) return snapshot;
  }
}

const now = Date.UTC(2026, 0, 1, 12);

/** What differs from run to run, and from machine to machine, is the same; all else is kept. */
function masked(real: LiveSnapshot, folder: string): LiveSnapshot {
  const text = JSON.stringify(real)
    .replaceAll(folder, "/gw")
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:9999")
    .replaceAll(/\/d\d{9,}/g, "/receipts");
  const snapshot: LiveSnapshot = JSON.parse(text);
  const { gateway, gauges } = snapshot;
  const pool = { busy: 0, idle: 1, waiting: 0, waitP95Ms: 7, queryP95Ms: 7 };
  const spool = gauges.gauges.find(({ name }) => name === "spool");
  const isFull = spool !== undefined && !spool.ok;
  return {
    ...{ seq: 1, now, calls: [] },
    gateway: { ...gateway, pid: 4242, startedMs: now - 3_600_000, version: "0.0.0" },
    servers: snapshot.servers.map(maskedServer),
    gauges: {
      ...{ callsPerSecond: 0, errorsPerSecond: 0, cpu: 0 },
      gauges: gauges.gauges.map((gauge) => ({
        ...gauge,
        ...(gauge.ok ? { used: 1, limit: 8 } : {}),
      })),
      store: {
        ...gauges.store,
        pool: gauges.store.pool && { ...gauges.store.pool, ...pool },
      },
      spool: {
        ...gauges.spool,
        records: 12,
        bytes: isFull ? spool.used : 12 * 1024,
        oldestMs: 3_000,
      },
    },
  };
}

function maskedServer(server: LiveServer): LiveServer {
  const { trouble, pid, nextAttemptMs, calls, protocol } = server;
  return {
    ...server,
    sinceMs: now - 60_000,
    failingSinceMs: trouble === null ? null : now - 60_000,
    pid: pid === null ? null : 4243,
    nextAttemptMs: nextAttemptMs === null ? null : now + 2_000,
    attempts: nextAttemptMs === null ? 0 : 3,
    ...(calls === 0 ? {} : { calls: 2, failed: 0, p50Ms: 7, p95Ms: 7 }),
    protocol,
    // How often it was tried until now is chance.
    history: [],
    stderr: [...new Set(server.stderr)],
  };
}
