/** Runs and times of trouble, read out of the history ring. */

import type { HistoryEntry } from "../gateway/history.ts";
import { clockText, sinceText } from "./times.ts";
import type { World } from "./world.ts";

export interface Period {
  readonly from: number;
  /** undefined: it goes on. */
  readonly to: number | undefined;
  /** It was seen to be well again; false: the gateway ended before. */
  readonly healed: boolean;
  readonly state: string;
  readonly why: string;
  /** What it meant, as was known then; "" when nothing was. */
  readonly effect: string;
  /** It was seen to work before. */
  readonly worked: boolean;
}

type State = Extract<HistoryEntry, { kind: "state" }>;

/** Times in which a server (or the store, the keys, the spool: id "") was not well. */
export function periodsOf(
  history: readonly HistoryEntry[],
  of: State["of"],
  id = "",
): readonly Period[] {
  const periods: Period[] = [];
  let open: Omit<Period, "to" | "healed"> | undefined;
  let worked = false;
  let lastAt = 0;
  const close = (to: number, healed: boolean) => {
    if (open !== undefined) periods.push({ ...open, to, healed });
    open = undefined;
  };
  for (const entry of history) {
    // A run that was killed says nothing: it was so until its last words.
    if (entry.kind === "start") close(lastAt, false);
    if (entry.kind === "stop") close(entry.at, false);
    lastAt = entry.at;
    if (entry.kind !== "state" || entry.of !== of || entry.id !== id) continue;
    const works = isWell(entry);
    if (entry.ok) close(entry.at, works);
    else {
      const { state, why, effect = open?.effect ?? "" } = entry;
      const now = { state, why, effect };
      open = open === undefined ? { from: entry.at, ...now, worked } : { ...open, ...now };
    }
    worked ||= works;
  }
  return open === undefined ? periods : [...periods, { ...open, to: undefined, healed: false }];
}

/** What an operator switched off, or a stop, is no trouble: but nobody saw it work either. */
function isWell({ ok, state }: State): boolean {
  return ok && state !== "disabled" && state !== "stopped";
}

/** `14:02:11, 5 min ago; worked until then`, or "" where the history does not know. */
export function sinceOf(world: World, of: State["of"], id = ""): string {
  const period = periodsOf(world.history, of, id).at(-1);
  if (period === undefined || period.to !== undefined) return "";
  const text = sinceText(period.from, world.nowMs);
  return period.worked ? `${text}; worked until ${clockText(period.from, world.nowMs)}` : text;
}

/** When a server was last seen to work, for a fault that the gateway does not know yet. */
export function workedUntil(world: World, id: string): string {
  const states = world.history.filter(
    (entry): entry is State => entry.kind === "state" && entry.of === "server" && entry.id === id,
  );
  const last = states.at(-1);
  if (last === undefined || !isWell(last)) return "";
  return `worked at ${clockText(world.history.at(-1)?.at ?? last.at, world.nowMs)}`;
}

export interface Run {
  readonly from: number;
  /** Its last entry. */
  readonly to: number;
  readonly pid: number;
  /** It was told to stop; false: killed, or it runs. */
  readonly stopped: boolean;
}

/** Runs of the gateway, oldest first. */
export function runsOf(history: readonly HistoryEntry[]): readonly Run[] {
  const runs: Run[] = [];
  for (const entry of history) {
    if (entry.kind === "start") {
      runs.push({ from: entry.at, to: entry.at, pid: entry.pid, stopped: false });
      continue;
    }
    const last = runs.pop();
    // Its start is older than what is asked for.
    const run = last ?? { from: entry.at, to: entry.at, pid: 0, stopped: false };
    runs.push({ ...run, to: entry.at, stopped: entry.kind === "stop" });
  }
  return runs;
}
