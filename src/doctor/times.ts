/** Times as people say them, in the zone of whoever asks. */

/** `14:02:11`, with the date where it is not today. */
export function clockText(ms: number, nowMs: number): string {
  const at = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (new Date(nowMs).toDateString() === at.toDateString()) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

/** `14:02:11, 5 min ago`. */
export function sinceText(ms: number, nowMs: number): string {
  return `${clockText(ms, nowMs)}, ${spanText(nowMs - ms)} ago`;
}

/** `4 s`, `12 min`, `3 h`, `5 d`. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
