/** How work grows with its size, whatever else the machine does: by processor time, as a ratio. */

import process from "node:process";

/**
 * Processor time of `work(16 * size)` over that of `work(size)`, each the least of a few runs: 16
 * for linear work, 256 for quadratic.
 */
export function growthOf(work: (size: number) => void, size: number): number {
  work(size);
  const least = (n: number) => Math.min(...Array.from({ length: 5 }, () => cpuMs(() => work(n))));
  return least(16 * size) / least(size);
}

/** Between linear (16) and quadratic (256) growth. */
export const mostLinear = 64;

function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  // Only their sum is measured; Linux guesses how it is shared out.
  return (user + system) / 1000;
}
