/** Who may go where: the innermost path that can be looked at, and the names of its owners. */

import { readFileSync, type Stats, statSync } from "node:fs";
import path from "node:path";

/** Where names of users and groups are; a test has its own. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

export const systemAccounts: Accounts = { passwd: "/etc/passwd", group: "/etc/group" };

/** The path itself, or the innermost folder on its way that can be looked at. */
export function innermost(place: string): { at: string; stats: Stats } | undefined {
  for (let at = place; ; at = path.dirname(at)) {
    try {
      return { at, stats: statSync(at) };
    } catch {
      // A folder further out is the closed one.
      if (at === path.dirname(at)) return undefined;
    }
  }
}

/** `0700` */
export function modeText({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/** Runtimes do not ask the system for names; an account of a directory service keeps its number. */
export function accountName(file: string, id: number): string {
  try {
    const line = readFileSync(file, "utf8")
      .split("\n")
      .find((one) => one.split(":")[2] === String(id));
    return line?.split(":")[0] ?? String(id);
  } catch {
    // No such file on this system.
    return String(id);
  }
}
