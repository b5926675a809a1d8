/**
 * In a container the gateway may be process 1: what loses its parent becomes its child, and stays a
 * zombie until somebody asks how it ended. The runtime does so only for children it has started.
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { Sys } from "../runtime/runtime.ts";

/** Gives what stops it. */
export function reapOrphans(sys: Pick<Sys, "reap">, clock: Clock): () => void {
  let cancel: () => void = () => undefined;
  if (process.pid !== 1) return cancel;
  let before = new Set<number>();
  const look = () => {
    // The runtime takes the end of its own within milliseconds: what was there before is not its.
    const zombies = zombieChildren();
    for (const pid of zombies) if (before.has(pid)) sys.reap(pid);
    before = new Set(zombies);
    cancel = clock.after(limits.reapMs, look);
  };
  look();
  return () => cancel();
}

/** The kernel's list of our children, of all threads; without it nothing is reaped. */
function zombieChildren(): number[] {
  const list = read("/proc/self/task/1/children").trim().split(" ");
  return list.map(Number).filter((pid) => pid > 0 && isZombie(pid));
}

/** proc_pid_stat(5): the name, in brackets, may hold anything. */
function isZombie(pid: number): boolean {
  const text = read(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).startsWith("Z");
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it is gone, or this kernel has no such list
  }
}
