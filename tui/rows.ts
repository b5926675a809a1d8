/** Ended calls as the Calls screen lists them: filtered, sorted, and made only when they change. */

import type { LiveCall } from "../src/admin/contract.ts";
import { callFields, liveCallRecord } from "../src/base/call-fields.ts";
import { type Filter, matches, parseFilter } from "../src/base/filter.ts";
import type { Page } from "./screen.ts";

export const callOrders = ["time", "took", "tool", "key", "outcome"] as const;

/** In flight, soonest deadline first; what has none comes last, the oldest of them first. */
export function runningRows(
  calls: readonly LiveCall[],
  page: Page,
  now: number,
): readonly LiveCall[] {
  const filter = filterOf(page.filter);
  const shown =
    filter === undefined
      ? calls
      : calls.filter((call) => matches(filter, liveCallRecord(call, now)));
  return [...shown].sort((a, b) => dueMs(a) - dueMs(b) || a.startedMs - b.startedMs);
}

function dueMs(call: LiveCall): number {
  return call.deadline?.atMs ?? (call.stage === "over" ? 0 : Number.MAX_SAFE_INTEGER);
}

interface Made {
  readonly of: readonly LiveCall[];
  readonly how: string;
  readonly rows: readonly LiveCall[];
  readonly ids: readonly string[];
}

/** The last answer: reducer and view ask for the same rows several times a picture. */
let made: Made = { of: [], how: "", rows: [], ids: [] };

export function recentRows(calls: readonly LiveCall[], page: Page, now: number): Made {
  // `since:10m` changes with time alone; a second is fine enough.
  const second = page.filter === "" ? 0 : Math.floor(now / 1000);
  const how = `${page.order} ${page.reverse} ${second} ${page.filter}`;
  if (made.of === calls && made.how === how) return made;
  const filter = filterOf(page.filter);
  const shown =
    filter === undefined
      ? calls
      : calls.filter((call) => matches(filter, liveCallRecord(call, now)));
  const rows = sorted(shown, page);
  made = { of: calls, how, rows, ids: rows.map((call) => call.id) };
  return made;
}

function sorted(calls: readonly LiveCall[], { order, reverse }: Page): readonly LiveCall[] {
  const compare = compares[callOrders[order] ?? "time"];
  if (compare === undefined) return reverse ? [...calls].reverse() : calls;
  const rows = [...calls].sort(compare);
  return reverse ? rows.reverse() : rows;
}

/** undefined: as they come, newest first. */
const compares: Readonly<Record<string, ((a: LiveCall, b: LiveCall) => number) | undefined>> = {
  took: (a, b) => (b.tookMs ?? 0) - (a.tookMs ?? 0),
  tool: (a, b) => compareText(a.tool, b.tool),
  key: (a, b) => compareText(a.key, b.key),
  outcome: (a, b) => compareText(a.outcome ?? "", b.outcome ?? ""),
};

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** undefined: nothing is filtered. A page's filter was parsed before it was put there. */
function filterOf(text: string): Filter | undefined {
  if (text === "") return undefined;
  const parsed = parseFilter(text, callFields);
  return parsed.ok ? parsed.value : undefined;
}
