/** A server that fails most calls is left alone for a moment: calls fail fast, and say so. */

import { fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { printable } from "../base/printable.ts";

/** It opens when `failures` of the last `of` calls failed, for `openMs`, doubled each time. */
export interface BreakerSettings {
  readonly failures: number;
  readonly of: number;
  readonly openMs: number;
}

export interface Breaker {
  /** Why no call is sent now; undefined: they are. */
  refusal(): GatewayError | undefined;
  readonly isOpen: boolean;
  good(): void;
  /** The server broke off, answered what is no answer, or did not in time. */
  bad(cause: string): void;
  /** It answered when it was tried: calls are sent again. */
  close(): void;
  /** A person said so: nothing counts any more. */
  forget(): void;
}

export interface BreakerOptions {
  readonly id: string;
  readonly clock: Clock;
  /** undefined: it never opens. */
  settings(): BreakerSettings | undefined;
  opened(cause: string, untilMs: number): void;
  /** The time is over: is the server there? Answered by `close`, or by another opening. */
  tryIt(): void;
}

export function createBreaker(options: BreakerOptions): Breaker {
  const { id, clock, settings } = options;
  /** Of the last calls: which failed. */
  let last: boolean[] = [];
  let failed = 0;
  let openUntil: number | undefined;
  let openings = 0;
  let why = "";
  let cancel: () => void = () => undefined;

  function add(isBad: boolean, of: number): void {
    last.push(isBad);
    if (isBad) failed += 1;
    while (last.length > of) if (last.shift() === true) failed -= 1;
  }

  function empty(): void {
    cancel();
    last = [];
    failed = 0;
    openUntil = undefined;
  }

  function open({ openMs }: BreakerSettings, cause: string): void {
    const ms = Math.min(openMs * 2 ** Math.min(openings, 10), limits.backoffLastMs);
    openings += 1;
    why = `${failed} of its last ${last.length} calls failed, the last one as: ${cause}`;
    openUntil = clock.mono() + ms;
    options.opened(why, clock.now() + ms);
    cancel = clock.after(ms, options.tryIt);
  }

  return {
    get isOpen() {
      return openUntil !== undefined;
    },
    refusal() {
      if (openUntil === undefined) return undefined;
      const s = Math.ceil(Math.max(0, openUntil - clock.mono()) / 1000);
      return fault("GW_UPSTREAM_FAILING", {
        message: `"${id}" fails most calls, so this one was not sent`,
        cause: `${why}; it is tried again in ${s} s`,
        data: { setting: `servers.${id}.breaker` },
      });
    },
    good() {
      const now = settings();
      // What was sent before it opened says nothing about now.
      if (now === undefined || openUntil !== undefined) return;
      openings = 0;
      // As a rule there is nothing to count.
      if (failed > 0) add(false, now.of);
    },
    bad(cause) {
      const now = settings();
      if (now === undefined || openUntil !== undefined) return;
      add(true, now.of);
      if (failed >= now.failures) open(now, printable(cause));
    },
    close: empty,
    forget() {
      openings = 0;
      empty();
    },
  };
}
