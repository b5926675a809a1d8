/** What a reload started is not up, and the one from before stands in: in words. */

import type { LiveServer } from "../admin/contract.ts";
import { printable } from "../base/printable.ts";
import { span } from "./words.ts";

/** Rows of `servers show`; none where nothing is to take over. */
export function handoverLines(
  { handover, target }: LiveServer,
  nowMs: number,
): (readonly [string, string])[] {
  if (handover === undefined) return [];
  const { from, state, sinceMs, untilMs } = handover;
  const old = from === target ? "" : `, ${printable(from)}`;
  const now = `${state} for ${span(nowMs - sinceMs)}${againText(handover, nowMs)}`;
  return [
    ["new one", `${now}; takes over when it is up, at the latest in ${span(untilMs - nowMs)}`],
    ["old one", `answers until then; all else here is of it${old}`],
  ];
}

/** The same in a cell of a table. `cause`: also why. */
export function handoverCell(
  handover: Readonly<
    Pick<NonNullable<LiveServer["handover"]>, "state" | "untilMs"> & {
      cause?: string | null | undefined;
      nextAttemptMs?: number | null | undefined;
    }
  >,
  nowMs: number,
): string {
  const { state, cause = null, untilMs } = handover;
  const why = cause === null ? ` yet (${state})` : `: ${printable(cause)}`;
  const until = `calls go to the one from before for ${span(untilMs - nowMs)} more at most`;
  return `what the reload started is not up${why}${againText(handover, nowMs)}; ${until}`;
}

function againText(
  { nextAttemptMs }: { readonly nextAttemptMs?: number | null | undefined },
  nowMs: number,
): string {
  const isKnown = nextAttemptMs !== undefined && nextAttemptMs !== null;
  return isKnown ? `, again in ${span(Math.max(0, nextAttemptMs - nowMs))}` : "";
}
