/**
 * Children carry a mark in their environment, which what they start inherits: so those are found
 * too that left the child's process group (setsid, double fork), as long as they keep it (U11).
 * DATADIR.RUN.NUMBER: of one data_dir, one run of its gateway, one start of a child.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { limits } from "../base/limits.ts";
import { randomHex } from "../base/node-crypto.ts";

/** In every child's environment. It is no secret. */
export const markName = "AUTHENSOR_GW_OWNER";

/** Of a program that owns no data_dir: `doctor` tries servers. */
let ownRun: string | undefined;
let children = 0;

/** Of one more child of this run. */
export function nextMark(run?: string): string {
  children += 1;
  if (run === undefined) ownRun ??= `none.${randomHex(8)}`;
  return `${run ?? ownRun}.${children}`;
}

/** Of a child's mark: DATADIR.RUN. */
export function runOf(mark: string): string {
  return mark.slice(0, mark.lastIndexOf("."));
}

export interface Marked {
  readonly pid: number;
  readonly mark: string;
  /** Its process group. */
  readonly group: number;
  /** In clock ticks since boot: a number that is used again has another. */
  readonly started: string;
}

/** Elsewhere than on Linux no process shows its environment: groups alone are ended there. */
export function canFindMarked(): boolean {
  return process.platform === "linux" && existsSync("/proc/self/stat");
}

/** Never this process itself, which may be a child of a gateway. */
export async function findMarked(wanted: (mark: string) => boolean): Promise<Marked[]> {
  return (await look()).filter(({ mark }) => wanted(mark));
}

let looking: Promise<Marked[]> | undefined;
let next: Promise<Marked[]> | undefined;

/** All that ask while one look goes on share the one that begins after it. */
function look(): Promise<Marked[]> {
  if (looking !== undefined) {
    next ??= looking.then(() => {
      next = undefined;
      return look();
    });
    return next;
  }
  looking = lookAtAll().finally(() => {
    looking = undefined;
  });
  return looking;
}

async function lookAtAll(): Promise<Marked[]> {
  if (!canFindMarked()) return [];
  const found: Marked[] = [];
  let looked = 0;
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid) || pid === process.pid) continue;
    looked += 1;
    if (looked % pidsPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    const one = lookAt(pid);
    if (one !== undefined) found.push(one);
  }
  return found;
}

/** Between two turns of the loop. */
const pidsPerTurn = 64;

function lookAt(pid: number): Marked | undefined {
  if (markOf(pid) === undefined) return undefined;
  // What is read between the two looks is of the process that has the mark.
  const stat = statOf(pid);
  const mark = markOf(pid);
  return stat === undefined || mark === undefined ? undefined : { pid, mark, ...stat };
}

/** undefined: it has none, has ended, or is not ours to look at. A zombie has none. */
function markOf(pid: number): string | undefined {
  const text = read(`/proc/${pid}/environ`);
  const begin = `${markName}=`;
  if (!text.includes(begin)) return undefined;
  const row = text.split("\0").find((one) => one.startsWith(begin));
  return row?.slice(begin.length);
}

/** proc_pid_stat(5): the name, in brackets, may hold anything; fields 5 and 22. */
export function statOf(pid: number): { group: number; started: string } | undefined {
  const text = read(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [group, started] = [Number(fields[2]), fields[19]];
  return started === undefined ? undefined : { group, started };
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it has ended, or belongs to somebody else
  }
}

export interface Ended {
  /** Processes that were told to end. */
  readonly pids: readonly number[];
  /** Those of them that live on: the kernel, or another user, holds them. */
  readonly left: readonly number[];
}

/**
 * TERM, after `graceMs` KILL, until there is none: one that forks meanwhile leaves new ones.
 * `isSpared`: not told to end yet, since somebody else does.
 */
export async function endMarked(
  wanted: (mark: string) => boolean,
  isSpared: (one: Marked) => boolean = () => false,
  graceMs: number = limits.childStopMs,
): Promise<Ended> {
  const told = new Set<string>();
  const pids = new Set<number>();
  const began = performance.now();
  for (let empty = 0; ; ) {
    const found = await findMarked(wanted);
    const ms = performance.now() - began;
    const isLate = ms >= graceMs;
    empty = found.length === 0 ? empty + 1 : 0;
    // A look may miss one that is just being forked.
    if (empty > 1 || (empty === 1 && pids.size === 0) || ms >= graceMs + limits.strayKillMs) {
      return { pids: [...pids], left: found.map(({ pid }) => pid) };
    }
    for (const one of found) {
      const name = `${one.pid} ${one.started}`;
      if (!isLate && (told.has(name) || isSpared(one))) continue;
      told.add(name);
      pids.add(one.pid);
      signal(one, isLate ? "SIGKILL" : "SIGTERM");
    }
    await new Promise((resolve) => setTimeout(resolve, limits.strayLookMs));
  }
}

/** One that is stopped takes TERM only when it goes on. */
function signal({ pid, started }: Marked, name: "SIGTERM" | "SIGKILL"): void {
  if (statOf(pid)?.started !== started) return;
  try {
    process.kill(pid, name);
    if (name === "SIGTERM") process.kill(pid, "SIGCONT");
  } catch {
    // ESRCH: it has ended; EPERM: it stays in the list, and is told of.
  }
}
