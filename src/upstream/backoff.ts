import { limits } from "../base/limits.ts";
import type { Random } from "../base/ports.ts";

/** The wait before attempt `tries` + 1, ms: doubled each time, a part of it random. */
export function backoffMs(tries: number, random: Random): number {
  const doubled = limits.backoffFirstMs * 2 ** Math.min(Math.max(tries - 1, 0), 20);
  const full = Math.min(doubled, limits.backoffLastMs);
  const share = (random.bytes(1)[0] ?? 0) / 255;
  return full * (1 - limits.backoffJitter * share);
}
