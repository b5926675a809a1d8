/**
 * Connections that were opened and then said nothing take files and sockets from what the gateway
 * needs itself: its spool, its store, its admin socket, its servers (R8). When most are used they
 * are closed; who has sent anything is left alone.
 */

import { closeSync, openSync, readFileSync } from "node:fs";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/ports.ts";
import type { Sys } from "../runtime/runtime.ts";

export interface ShedOptions {
  readonly clock: Clock;
  readonly sys: Pick<Sys, "closeSilent">;
  readonly log: Log;
  /** Of the doors. */
  readonly ports: readonly number[];
}

/** Gives a function that ends it. */
export function shedSilent({ clock, sys, log, ports }: ShedOptions): () => void {
  const most = handleLimit();
  if (most === null) return () => undefined;
  const from = Math.floor(most * limits.handlesShare);
  let cancel = () => {};
  const look = () => {
    if (nextHandle() >= from) {
      const closed = sys.closeSilent(ports, most, limits.silentMs);
      if (closed > 0) {
        log.warn("connections that sent nothing were closed, as few are left", {
          ...{ code: "GW_FILE_HANDLES", closed, most },
        });
      }
    }
    cancel = clock.after(limits.handlesLookMs, look);
  };
  look();
  return () => cancel();
}

/** A new one has the lowest number that is free: what that is says how many are used. */
function nextHandle(): number {
  try {
    const handle = openSync("/dev/null", "r");
    closeSync(handle);
    return handle;
  } catch {
    // None is left.
    return Number.POSITIVE_INFINITY;
  }
}

/** How many files the process may have open, the soft limit; null where nobody says. */
export function handleLimit(): number | null {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return found === null ? null : Number(found[1]);
  } catch {
    return null; // no /proc: not Linux
  }
}
