/**
 * The log level of one legacy session or process. It is set for all calls at once, so it is the
 * most verbose that any of them wanted; who wants less gets less from the gateway.
 */

import { requestHead, requestTail } from "../protocol/envelope.ts";
import type { Pieces } from "../protocol/message.ts";

export interface LogLevel {
  /** `logging/setLevel` as a message, where a call wants more than is set; counts as set then. */
  raise(wanted: string | undefined): Pieces | undefined;
}

/** RFC 5424, the most verbose first. */
const levels = [
  ...["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"],
] as readonly string[];

/** Ids of these requests: beyond all that calls and listens use. Nobody waits for an answer. */
const firstLevelId = 2 ** 41;

/** `declared`: the server has the capability `logging`. */
export function createLogLevel(declared: boolean): LogLevel {
  let set = levels.length;
  let id = firstLevelId;
  return {
    raise(wanted) {
      if (wanted === undefined || !declared) return undefined;
      const rank = levels.indexOf(wanted);
      if (rank < 0 || rank >= set) return undefined;
      set = rank;
      id += 1;
      const params = JSON.stringify({ level: wanted });
      return [requestHead(id, "logging/setLevel"), params, requestTail];
    },
  };
}
