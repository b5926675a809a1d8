/** Files that this process may have open; sockets are among them. */

import { closeSync, openSync, readFileSync } from "node:fs";

/** The soft limit, which can be changed while it runs; null where nobody says. */
export function handleLimit(): number | null {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return found === null ? null : Number(found[1]);
  } catch {
    return null; // no /proc: not Linux; or no file is left
  }
}

/** A new one has the lowest number that is free: what that is says how many are used. */
export function nextHandle(): number {
  try {
    const handle = openSync("/dev/null", "r");
    closeSync(handle);
    return handle;
  } catch {
    // None is left.
    return Number.POSITIVE_INFINITY;
  }
}
