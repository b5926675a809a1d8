/** Processes as /proc shows them, for tests that count what is left. */

import { readdirSync, readFileSync } from "node:fs";

export interface Seen {
  readonly pid: number;
  readonly parent: number;
  /** `R`, `S`, `Z` (a zombie), … */
  readonly state: string;
}

/** Those whose environment has `text`; zombies have none. */
export function processesWith(text: string): Seen[] {
  return processes().filter(({ pid }) => read(`/proc/${pid}/environ`).includes(text));
}

export function childrenOf(parent: number): Seen[] {
  return processes().filter((one) => one.parent === parent);
}

export function processes(): Seen[] {
  return readdirSync("/proc").flatMap((name) => seen(Number(name)) ?? []);
}

/** undefined: it is gone. */
export function seen(pid: number): Seen | undefined {
  const text = Number.isSafeInteger(pid) ? read(`/proc/${pid}/stat`) : "";
  const [state, parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return state && parent ? { pid, parent: Number(parent), state } : undefined;
}

/** A zombie that nobody reaps is gone. */
export function alive(pid: number): boolean {
  return (seen(pid)?.state ?? "Z") !== "Z";
}

export function commandLine(pid: number): string[] {
  return read(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it is gone, or somebody else's
  }
}
