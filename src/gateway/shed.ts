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
  const tell = (message: string) =>
    tally(clock, (count) => {
      log.warn(message, { code: "GW_FILE_HANDLES", count, most });
    });
  const closed = tell("connections that sent nothing were closed, as few are left");
  const turnedAway = tell("connections were turned away, as few are left");
  let cancel = () => {};
  const look = () => {
    const ended = sys.ended();
    // Who was ended left a gap, so that few may be left where the next handle is a low one.
    const few = ended.silent + ended.turnedAway > 0 || nextHandle() >= from;
    const silent = few ? sys.closeSilent(ports, most, limits.silentMs) : 0;
    closed(ended.silent + silent);
    turnedAway(ended.turnedAway);
    cancel = clock.after(limits.handlesLookMs, look);
  };
  look();
  return () => cancel();
}

/** Tells the sum now and then, not each time: the log is not to be flooded with the doors. */
function tally(clock: Clock, tell: (count: number) => void): (more: number) => void {
  let count = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  return (more) => {
    count += more;
    const now = clock.mono();
    if (count === 0 || now - toldAt < limits.handlesSayMs) return;
    tell(count);
    toldAt = now;
    count = 0;
  };
}
