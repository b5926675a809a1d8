/**
 * The one timer that runs while nobody watches: once a second it looks at the loop, the CPU and the
 * calls that ended (Health screen, /metrics, the ring of `doctor`).
 */

import process from "node:process";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { Board, ShownCall } from "../call/board.ts";
import { endedSince } from "./live-calls.ts";

export interface Pulse {
  /** How late the loop was, ms; the worst of the last second. */
  readonly loopLagMs: number;
  readonly callsPerSecond: number;
  readonly errorsPerSecond: number;
  /** Share of one core, 0 to 1 and over. */
  readonly cpu: number;
  /** Of one server, up to this moment. */
  server(id: string): ServerStats;
  stop(): void;
}

export interface ServerStats {
  readonly calls: number;
  /** Without an answer that is MCP: timeouts, a server that is away or wrong, unknown ends. */
  readonly failed: number;
  /** ms the server took, over the last limits.latencyCalls; null without any. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

interface Kept {
  calls: number;
  failed: number;
  readonly took: Float64Array;
  /** How many were ever kept; the next goes to kept % length. */
  kept: number;
}

const failures: ReadonlySet<string> = new Set([
  ...["timeout", "upstream_down", "upstream_error", "unknown"],
]);
const errors: ReadonlySet<string> = new Set([...failures, "tool_error", "limited", "expired"]);

export function createPulse(board: Board, clock: Clock): Pulse {
  const servers = new Map<string, Kept>();
  let seen = board.ended;
  let [calls, bad] = [0, 0];
  let [loopLagMs, callsPerSecond, errorsPerSecond, cpu] = [0, 0, 0, 0];
  let before = { at: clock.mono(), cpu: process.cpuUsage() };
  let worstLag = 0;
  let stop = () => {};

  /** Takes in what ended since the last time. */
  function collect(): void {
    const ended = endedSince(board, seen);
    calls += board.ended - seen;
    seen = board.ended;
    for (const call of ended) {
      if (errors.has(call.outcome ?? "")) bad += 1;
      if (call.server !== "" && (call.sentAt !== 0 || call.outcome === "upstream_down")) {
        add(keptOf(servers, call.server), call);
      }
    }
  }

  function look(due: number): void {
    const now = clock.mono();
    worstLag = Math.max(worstLag, now - due);
    // Under load the loop is looked at more often.
    const busy = board.ended - seen > limits.boardCalls / 10;
    collect();
    const ms = now - before.at;
    if (ms >= sampleMs * 0.9) {
      const { user, system } = process.cpuUsage(before.cpu);
      cpu = Math.round((user + system) / ms / 10) / 100;
      callsPerSecond = Math.round((calls * 1000) / ms);
      errorsPerSecond = Math.round((bad * 1000) / ms);
      loopLagMs = Math.round(worstLag * 10) / 10;
      [calls, bad, worstLag] = [0, 0, 0];
      before = { at: now, cpu: process.cpuUsage() };
    }
    lookIn(busy ? busySampleMs : sampleMs);
  }

  function lookIn(ms: number): void {
    const due = clock.mono() + ms;
    stop = clock.after(ms, () => look(due));
  }

  // The board keeps the last thousand, and more than that may end between two looks.
  board.onFull = collect;
  lookIn(sampleMs);
  return {
    get loopLagMs() {
      return loopLagMs;
    },
    get callsPerSecond() {
      return callsPerSecond;
    },
    get errorsPerSecond() {
      return errorsPerSecond;
    },
    get cpu() {
      return cpu;
    },
    server(id) {
      collect();
      const kept = servers.get(id);
      if (kept === undefined) return { calls: 0, failed: 0, p50Ms: null, p95Ms: null };
      const sorted = kept.took.slice(0, Math.min(kept.kept, kept.took.length)).sort();
      const at = (share: number) => tidy(sorted[Math.floor(sorted.length * share)]);
      return { calls: kept.calls, failed: kept.failed, p50Ms: at(0.5), p95Ms: at(0.95) };
    },
    stop: () => stop(),
  };
}

const sampleMs = 1_000;
const busySampleMs = 100;

function keptOf(servers: Map<string, Kept>, id: string): Kept {
  let kept = servers.get(id);
  if (kept === undefined) {
    kept = { calls: 0, failed: 0, took: new Float64Array(limits.latencyCalls), kept: 0 };
    servers.set(id, kept);
  }
  return kept;
}

function add(kept: Kept, call: ShownCall): void {
  kept.calls += 1;
  if (failures.has(call.outcome ?? "unknown")) kept.failed += 1;
  if (call.answeredAt === 0 || call.sentAt === 0) return;
  kept.took[kept.kept % kept.took.length] = call.answeredAt - call.sentAt - call.queuedMs;
  kept.kept += 1;
}

function tidy(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 10) / 10;
}
