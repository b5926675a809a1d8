/** Bytes for people, in the units in which the config writes them. */

/** `0 B`, `1.5 KiB`, `256 MiB`. */
export function roundSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [at, count] = [0, bytes];
  // 1023.5 would be written as 1024 of a unit that has another above it.
  for (; count >= 1023.5 && at < units.length - 1; at++) count /= 1024;
  return `${count < 9.95 && at > 0 ? count.toFixed(1) : Math.round(count)} ${units[at]}`;
}
