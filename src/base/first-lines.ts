/** Many problems as one line: the first of them, how many more there are, and who tells all. */

import { limits } from "./limits.ts";

/** `more`: the command that tells all. */
export function firstLines(text: string, more: string): string {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const left = lines.length - most;
  const rest = left > 0 ? [`and ${left} more: \`${more}\``] : [];
  return [...lines.slice(0, most).map(cut), ...rest].join("; ");
}

const most = 3;

/** Between words where there are some. */
function cut(line: string): string {
  if (line.length <= limits.liveTextChars) return line;
  const start = line.slice(0, limits.liveTextChars);
  const end = start.lastIndexOf(" ");
  return `${end === -1 ? start : start.slice(0, end)}…`;
}

/** Of a policy, or of config and policy. */
export function tellsAll(code: string): string {
  return code === "GW_POLICY" ? "authensor-gw policy check" : "authensor-gw check";
}
