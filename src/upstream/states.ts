/** What an upstream may be in, as data: one place says which change is possible. */

import type { Clock } from "../base/ports.ts";
import type { UpstreamState } from "./upstream.ts";

const next: Readonly<Record<UpstreamState, readonly UpstreamState[]>> = {
  idle: ["starting", "disabled"],
  starting: ["ready", "backoff", "crash-loop", "disabled"],
  ready: ["starting", "degraded", "backoff", "crash-loop", "disabled"],
  degraded: ["starting", "ready", "backoff", "crash-loop", "disabled"],
  backoff: ["starting", "crash-loop", "disabled"],
  "crash-loop": ["starting", "disabled"],
  disabled: ["starting"],
};

export interface StateKeeper {
  readonly state: UpstreamState;
  readonly sinceMs: number;
  readonly cause: string | undefined;
  readonly nextAttemptMs: number | undefined;
  /** Changes the state; a change that the table does not know is a defect and throws. */
  enter(state: UpstreamState, cause?: string, nextAttemptMs?: number): void;
}

export function createStates(clock: Clock, first: UpstreamState, told: () => void): StateKeeper {
  let now: Omit<StateKeeper, "enter"> = {
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
    enter(state, cause, nextAttemptMs) {
      const same = state === now.state;
      if (!same && !next[now.state].includes(state)) {
        throw new Error(`an upstream cannot go from ${now.state} to ${state}`);
      }
      now = { state, sinceMs: same ? now.sinceMs : clock.now(), cause, nextAttemptMs };
      if (!same) told();
    },
  };
}
