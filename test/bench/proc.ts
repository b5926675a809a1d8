/** CPU time and memory of processes, from /proc. */

import { readdirSync, readFileSync } from "node:fs";

const tickMs = 10;

/** User and system CPU time of all threads, ms. 0 when the process is gone. */
export function cpuMs(pid: number): number {
  const fields = stat(pid);
  return fields === undefined ? 0 : (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** Direct children of a process. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => Number(stat(child)?.[1]) === pid);
}

/** Resident memory, MB of 10^6 bytes. */
export function rssMb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1] ?? 0) * 1024) / 1e6;
}

/** Fields after the command name, which may hold spaces: state is the first. */
function stat(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined; // it ended between two looks
  }
}
