/** Durations and sizes as people write them in the config. */

/** A size, and the path of the setting that gave it: `servers.files.max_args`. */
export interface SizeLimit {
  readonly bytes: number;
  readonly setting: string;
}

/** `90s`, `24h`. */
export function durationText(ms: number): string {
  return largest(ms, { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 });
}

/** `4MiB`, `1000B`. */
export function sizeText(bytes: number): string {
  return largest(bytes, { TiB: 1024 ** 4, GiB: 1024 ** 3, MiB: 1024 ** 2, KiB: 1024, B: 1 });
}

/** By the largest unit that leaves no rest. */
function largest(value: number, units: Readonly<Record<string, number>>): string {
  const fits = ([, size]: [string, number]) => value >= size && value % size === 0;
  const [unit, size] = Object.entries(units).find(fits) ?? [Object.keys(units).at(-1) ?? "", 1];
  return `${value / size}${unit}`;
}
