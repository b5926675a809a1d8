/**
 * Connections that were opened and then said nothing take files and sockets from what the gateway
 * needs itself: its spool, its store, its admin socket, its servers (R8). When most are used they
 * are closed; who has sent anything is left alone, and who comes then is turned away.
 */

import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/ports.ts";
import { handleLimit, nextHandle } from "../runtime/handles.ts";
import type { Sys } from "../runtime/runtime.ts";

export interface ShedOptions {
  readonly clock: Clock;
  readonly sys: Pick<Sys, "closeSilent" | "ended">;
  readonly log: Log;
  /** Of the doors. */
  readonly ports: readonly number[];
}

/** Gives a function that ends it. */
export function shedSilent({ clock, sys, log, ports }: ShedOptions): () => void {
  const most = handleLimit();
  if (most === null) return () => undefined;
  const from = Math.floor(most * limits.handlesShare);
  let [closed, turnedAway] = [0, 0];
  let saidAt = Number.NEGATIVE_INFINITY;
  let cancel = () => {};
  const look = () => {
    const ended = sys.ended();
    closed += ended.silent;
    turnedAway += ended.turnedAway;
    if (nextHandle() >= from) closed += sys.closeSilent(ports, most, limits.silentMs);
    // Not a line for each of them: the log is not to be flooded with the doors.
    if (closed + turnedAway > 0 && clock.mono() - saidAt >= limits.handlesSayMs) {
      saidAt = clock.mono();
      const code = "GW_FILE_HANDLES";
      if (closed > 0) {
        log.warn("connections that sent nothing were closed, as few are left", {
          ...{ code, closed, most },
        });
      }
      if (turnedAway > 0) {
        log.warn("connections were turned away, as few are left", { code, turnedAway, most });
      }
      [closed, turnedAway] = [0, 0];
    }
    cancel = clock.after(limits.handlesLookMs, look);
  };
  look();
  return () => cancel();
}
