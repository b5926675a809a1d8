/** The guard's own program: see guard.ts. */

import process from "node:process";
import { limits } from "../base/limits.ts";
import { endMarked, runOf, statOf } from "./marked.ts";

interface Group {
  readonly mark: string;
  /** When its leader was started; undefined: not known. */
  readonly started: string | undefined;
}

/**
 * Lines on stdin: `+GROUP MARK` to watch, `-GROUP` when it is gone, `!MARK` to end what is left of
 * it, answered by `MARK PID,PID LEFT,LEFT`. At its end all groups that are watched, and all
 * processes of their runs, get TERM, then KILL.
 */
export async function runGuard(): Promise<void> {
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => undefined);
  // Nobody reads the answers of a guard whose gateway is gone.
  process.stdout.on("error", () => undefined);
  const groups = new Map<number, Group>();
  const ending = new Set<Promise<void>>();
  let text = "";
  for await (const chunk of process.stdin) {
    text += String(chunk);
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const [number = "", mark = ""] = line.slice(1).split(" ");
      if (line[0] === "!") {
        const work = answer(number, groups).finally(() => ending.delete(work));
        ending.add(work);
      } else note(groups, line[0] === "+", Number(number), mark);
    }
  }
  await Promise.all([...ending, endAll(groups)]);
}

function note(groups: Map<number, Group>, isNew: boolean, group: number, mark: string): void {
  // 0 and 1 would be our own group and everybody.
  if (!Number.isSafeInteger(group) || group <= 1) return;
  if (isNew) groups.set(group, { mark, started: statOf(group)?.started });
  else groups.delete(group);
}

async function answer(mark: string, groups: ReadonlyMap<number, Group>): Promise<void> {
  const { pids, left } = await endMarked(
    (one) => one === mark,
    ({ group }) => groups.get(group)?.mark === mark,
  );
  process.stdout.write(`${mark} ${pids.join()} ${left.join()}\n`);
}

async function endAll(groups: ReadonlyMap<number, Group>): Promise<void> {
  if (groups.size === 0) return;
  const runs = new Set([...groups.values()].map(({ mark }) => runOf(mark)));
  signalAll(groups, "SIGTERM");
  const marked = endMarked((mark) => runs.has(runOf(mark)));
  await new Promise((resolve) => setTimeout(resolve, limits.childStopMs));
  signalAll(groups, "SIGKILL");
  await marked;
}

function signalAll(groups: ReadonlyMap<number, Group>, name: "SIGTERM" | "SIGKILL"): void {
  for (const [group, { started }] of groups) {
    // Another leader: the number was given away again. None: what it led may live, and keeps it.
    const now = statOf(group);
    if (now !== undefined && started !== undefined && now.started !== started) continue;
    try {
      process.kill(-group, name);
      if (name === "SIGTERM") process.kill(-group, "SIGCONT");
    } catch {
      // ESRCH: it has ended by itself.
    }
  }
}
