/**
 * Whether something changes the p99 of others: windows without it (A) and with it (B) in turn, each
 * B against the A before and after it, and neighbouring A's against each other as the measure of
 * what the machine itself changes. Where few windows say too much, three times as many decide, and
 * where those are close to the bar, on a busy machine, nine times as many.
 */

import type { Proof } from "../kit/proof.ts";
import { type Pace, p99 } from "./pace.ts";

export interface Windows {
  readonly what: string;
  readonly pace: Pace;
  /** How many B, at first. */
  readonly windows: number;
  readonly seconds: number;
  readonly callsPerSecond: number;
  begin(): Promise<unknown> | unknown;
  end(): Promise<unknown> | unknown;
}

const mostRatio = 1.2;
/** A median of 30 windows is good to a tenth: what is above this is no matter of chance. */
const closeRatio = 1.35;

export async function compareWindows(run: Proof, plan: Windows): Promise<void> {
  const { pace, seconds, callsPerSecond, what } = plan;
  const without: number[] = [];
  const withIt: number[] = [];
  const window = async () => p99(await pace.run(callsPerSecond, seconds));
  async function more(windows: number): Promise<void> {
    for (let at = 0; at < windows; at += 1) {
      await plan.begin();
      withIt.push(await window());
      await plan.end();
      without.push(await window());
    }
  }
  await window();
  without.push(await window());
  await more(plan.windows);
  let result = compared(without, withIt);
  for (const times of [3, 9]) {
    if (result.holds || (times === 9 && result.ratio > closeRatio)) break;
    const wanted = times * plan.windows;
    run.say(`${what}: x ${result.ratio.toFixed(2)} of ${withIt.length}: as many as make ${wanted}`);
    await more(wanted - withIt.length);
    result = compared(without, withIt);
  }
  const { ratios, spread, ratio, noise, holds } = result;
  run.say(`${what}: p99 without, ms: ${shown(without)}`);
  run.say(`${what}: p99 with it, ms: ${shown(withIt)}`);
  run.say(`${what}: ratios ${shown(ratios)}; of neighbours without it ${shown(spread)}`);
  const figure = `x ${ratio.toFixed(2)} (median of ${ratios.length}; the machine alone x ${noise.toFixed(2)})`;
  run.bar(`${what}: p99 of another server (<= x 1.20)`, figure, holds);
}

function compared(without: readonly number[], withIt: readonly number[]) {
  const pairs = withIt.map((_, at) => [without[at] ?? 0, without[at + 1] ?? 0] as const);
  const ratios = pairs.map(([before, after], at) => (2 * (withIt[at] ?? 0)) / (before + after));
  const spread = pairs.map(([before, after]) => Math.max(before, after) / Math.min(before, after));
  const [ratio, noise] = [median(ratios), median(spread)];
  // Where the machine alone changes it by more, that is what can be told.
  return { ratios, spread, ratio, noise, holds: ratio <= Math.max(mostRatio, noise) };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function shown(values: readonly number[]): string {
  return values.map((value) => value.toFixed(2)).join(" ");
}
