/** What an agent is told of a call that took too long. */

import { fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Item } from "../catalog/catalog.ts";

/**
 * `extendedMs`: how long it had in all, where an operator gave it more than the setting.
 * `queuedMs`: how long it waited before it was sent.
 */
export function timeoutError(
  tool: Item,
  which: "idle" | "max",
  extendedMs: number | undefined,
  queuedMs: number,
): GatewayError {
  const { idleMs, maxMs, setting } = tool.timeout;
  const ms = which === "idle" ? idleMs : maxMs;
  const name = `${setting}.${which}`;
  const had = extendedMs === undefined ? ms / 1000 : seconds(extendedMs);
  const idle = which === "idle" && extendedMs === undefined;
  const what = idle ? "gave no sign of life for" : "was not done after";
  const more = extendedMs === undefined ? "" : ", extended by an operator";
  const waited = queuedMs < 1 ? "" : `, of which it waited ${seconds(queuedMs)} s for its turn`;
  return fault(which === "idle" ? "GW_TIMEOUT_IDLE" : "GW_TIMEOUT_MAX", {
    message: `"${tool.target}" ${what} ${had} s`,
    cause: `${name} is ${ms / 1000} s${more}${waited}; the call may have run`,
    fix: `raise ${name} in the config, or make the tool faster`,
    data: { setting: name, limit_ms: ms },
  });
}

/** Its time was over while the server was being connected. */
export function notReached({ target, timeout, server }: Item, which: "idle" | "max"): GatewayError {
  const ms = which === "idle" ? timeout.idleMs : timeout.maxMs;
  const name = `${timeout.setting}.${which}`;
  return fault("GW_UPSTREAM_DOWN", {
    message: `Cannot reach "${server}" in the time that "${target}" has`,
    cause: `it is still starting after ${ms / 1000} s (${name}); nothing was sent`,
    data: { setting: name, limit_ms: ms },
  });
}

/** Its time was over before its turn at the server came. */
export function queuedTooLong(
  { target, timeout, server }: Item,
  which: "idle" | "max",
  waitsFor: string,
): GatewayError {
  const ms = which === "idle" ? timeout.idleMs : timeout.maxMs;
  const name = `${timeout.setting}.${which}`;
  return fault("GW_UPSTREAM_BUSY", {
    message: `"${target}" waited for its turn until its time was over`,
    cause: `${name} is ${ms / 1000} s, and ${waitsFor}; nothing was sent`,
    fix: `repeat it later, make the server faster, or raise servers.${server}.max_in_flight`,
    data: { setting: name, limit_ms: ms },
  });
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}

/** The server asked, and its client did not come back with an answer. */
export function lateAnswer(item: Item, why = "the call may have run in part"): GatewayError {
  const s = limits.clientAnswerMs / 1000;
  return fault("GW_ANSWER_LATE", {
    message: `"${item.target}" asked its client, and no answer came within ${s} s`,
    cause: why,
  });
}
