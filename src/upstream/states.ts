/** What an upstream may be in, as data: one place says which change is possible. */

import type { Clock } from "../base/ports.ts";
import type { UpstreamState } from "./upstream.ts";

const next: Readonly<Record<UpstreamState, readonly UpstreamState[]>> = {
  idle: ["starting", "disabled", "stopped"],
  starting: ["ready", "backoff", "crash-loop", "disabled", "stopped"],
  ready: ["starting", "degraded", "backoff", "crash-loop", "disabled", "stopped"],
  degraded: ["starting", "ready", "backoff", "crash-loop", "disabled", "stopped"],
  backoff: ["starting", "crash-loop", "disabled", "stopped"],
  "crash-loop": ["starting", "disabled", "stopped"],
  disabled: ["starting"],
  stopped: [],
};

export interface StateKeeper {
  readonly state: UpstreamState;
  readonly sinceMs: number;
  readonly cause: string | undefined;
  readonly nextAttemptMs: number | undefined;
  /** Nothing is to be reached: disabled, or the gateway stops. */
  readonly off: boolean;
  /** Changes the state; a change that the table does not know is a defect and throws. */
  enter(state: UpstreamState, cause?: string, nextAttemptMs?: number): void;
}

/** `hide` takes secrets out of causes, which may be a server's own words. */
export function createStates(
  clock: Clock,
  first: UpstreamState,
  told: () => void,
  hide: (cause: string) => string,
): StateKeeper {
  let now: Omit<StateKeeper, "enter" | "off"> = {
    state: first,
    sinceMs: clock.now(),
    cause: undefined,
    nextAttemptMs: undefined,
  };
  return {
    get state() {
      return now.state;
    },
    get sinceMs() {
      return now.sinceMs;
    },
    get cause() {
      return now.cause;
    },
    get nextAttemptMs() {
      return now.nextAttemptMs;
    },
    get off() {
      return now.state === "disabled" || now.state === "stopped";
    },
    enter(state, cause, nextAttemptMs) {
      const same = state === now.state;
      if (!same && !next[now.state].includes(state)) {
        throw new Error(`an upstream cannot go from ${now.state} to ${state}`);
      }
      const said = cause === undefined ? undefined : hide(cause);
      now = { state, sinceMs: same ? now.sinceMs : clock.now(), cause: said, nextAttemptMs };
      if (!same) told();
    },
  };
}
