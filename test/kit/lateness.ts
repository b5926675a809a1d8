/** How late this process gets its turns: what a busy machine adds to what is measured here. */

export interface Lateness {
  /** Of the turns since the last reset, ms. */
  worst(): number;
  reset(): void;
}

const everyMs = 10;

export function lateness(): Lateness {
  let worst = 0;
  let at = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    worst = Math.max(worst, now - at - everyMs);
    at = now;
  }, everyMs);
  timer.unref();
  return {
    worst: () => worst,
    reset() {
      worst = 0;
    },
  };
}
