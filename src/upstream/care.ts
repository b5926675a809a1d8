/** What is done about a server that is connected and does not do its work. */

import type { Attempts } from "./attempts.ts";
import { type Breaker, createBreaker } from "./breaker.ts";
import { createHealth, type Health, type HealthOptions } from "./health.ts";
import type { UpstreamOptions } from "./settings.ts";
import type { StateKeeper } from "./states.ts";
import type { UpstreamControl } from "./upstream.ts";

export interface Care {
  readonly breaker: Breaker;
  readonly health: Health;
  /** It is connected. */
  ready(): void;
}

export interface CareOptions extends Pick<HealthOptions, "send" | "isIdle"> {
  readonly options: Pick<UpstreamOptions, "config" | "clock" | "identity">;
  readonly states: StateKeeper;
  readonly attempts: Attempts;
  /** It may be asked whether it is there. */
  isAsked(): boolean;
}

export function careFor({ options, states, attempts, ...about }: CareOptions): Care {
  const { config, clock, identity } = options;
  const breaker = createBreaker({
    ...{ id: config.id, clock, settings: () => config.breaker },
    opened(cause, untilMs) {
      const { state } = states;
      if (state === "ready" || state === "degraded") states.enter("degraded", cause, untilMs);
    },
    tryIt: () => (attempts.link() === undefined ? close() : health.ask()),
  });
  const health = createHealth({
    ...{ ...about, clock, identity, link: attempts.link },
    everyMs: () => (about.isAsked() ? config.healthMs : undefined),
    well: close,
    late: attempts.ail,
    gone(cause) {
      breaker.close();
      attempts.drop(cause);
    },
  });

  function close(): void {
    breaker.close();
    attempts.ail(undefined);
  }

  return {
    breaker,
    health,
    ready() {
      health.begin();
      // A handshake is as good an answer as another.
      if (breaker.isOpen) breaker.close();
    },
  };
}

/** What an operator does: failures of before do not count. */
export function withCare(
  attempts: Attempts,
  { breaker, health }: Care,
): UpstreamControl & Pick<Attempts, "stop"> {
  return {
    stop(cause) {
      health.stop();
      breaker.forget();
      return attempts.stop(cause);
    },
    retry() {
      if (breaker.isOpen) {
        breaker.forget();
        attempts.ail(undefined);
      }
      attempts.retry();
    },
    restart() {
      breaker.forget();
      return attempts.restart();
    },
    disable(cause) {
      breaker.forget();
      return attempts.disable(cause);
    },
    enable: attempts.enable,
  };
}
