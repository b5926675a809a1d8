/** Interleaved rounds: every target once a round, ratios inside a round, then medians. */

import { type Load, openLoad, type Work } from "./load.ts";
import { childrenOf, cpuMs } from "./proc.ts";
import type { Target } from "./targets.ts";

export interface Figures {
  readonly target: string;
  /** CPU µs per call of the target's own process, median of the rounds. */
  readonly cpuUs: number;
  /** The same of its child processes, such as a stdio server. */
  readonly childCpuUs: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU µs per call, one a round, for ratios with another target. */
  readonly rounds: readonly number[];
}

export interface Plan {
  readonly rounds: number;
  /** Length of one target's turn in a round. */
  readonly turnMs: number;
  readonly warmCalls: number;
  /** Rounds as the others, in front of them, that are not counted. */
  readonly warmRounds: number;
}

export async function measure(
  targets: readonly Target[],
  work: Work,
  plan: Plan,
): Promise<Figures[]> {
  const loads: Load[] = [];
  try {
    for (const target of targets) {
      const load = await openLoad(target, work);
      loads.push(load);
      await warm(target, work, load, plan.warmCalls);
    }
    const turns: Turn[][] = targets.map(() => []);
    for (let round = -plan.warmRounds; round < plan.rounds; round++) {
      for (const [at, target] of targets.entries()) {
        const one = await turn(target, loads[at] as Load, plan.turnMs);
        if (round >= 0) turns[at]?.push(one);
      }
    }
    return targets.map((target, at) => figures(target.name, turns[at] ?? []));
  } finally {
    for (const load of loads) load.close();
  }
}

/**
 * Compilers settle after thousands of calls, also of what only big bodies need: measured at 1 MB,
 * 3,000 calls left 3 % of the CPU to them.
 */
async function warm(target: Target, work: Work, load: Load, calls: number): Promise<void> {
  const heavy = work.bytes > 50_000;
  const slow = heavy || work.concurrency === 1;
  if (slow) {
    const small = await openLoad(target, { bytes: 200, shape: "text", concurrency: 32 });
    await small.run({ calls });
    small.close();
  }
  const own = heavy ? 4_000 : slow ? 500 : calls;
  await load.run({ calls: Math.min(calls, own) });
}

interface Turn {
  readonly cpuUs: number;
  readonly childCpuUs: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function turn(target: Target, load: Load, ms: number): Promise<Turn> {
  // What the last turn left to do must not be counted here.
  await Bun.sleep(50);
  const children = childrenOf(target.pid);
  const sum = (): number => children.reduce((total, pid) => total + cpuMs(pid), 0);
  const [own, others] = [cpuMs(target.pid), sum()];
  const run = await load.run({ ms });
  return {
    cpuUs: ((cpuMs(target.pid) - own) * 1000) / run.calls,
    childCpuUs: ((sum() - others) * 1000) / run.calls,
    callsPerSecond: run.calls / run.seconds,
    p50Ms: run.p50Ms,
    p99Ms: run.p99Ms,
  };
}

function figures(target: string, turns: readonly Turn[]): Figures {
  const of = (field: keyof Turn): number => median(turns.map((turn) => turn[field]));
  return {
    target,
    cpuUs: of("cpuUs"),
    childCpuUs: of("childCpuUs"),
    callsPerSecond: of("callsPerSecond"),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    rounds: turns.map((turn) => turn.cpuUs),
  };
}

/** Median over the rounds of a's CPU over b's. */
export function ratio(a: Figures, b: Figures): number {
  return median(a.rounds.map((us, round) => us / (b.rounds[round] ?? Number.NaN)));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}
