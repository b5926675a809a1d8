/** A stream on which a server tells changes, opened again whenever it ends. */

import { limits } from "../base/limits.ts";
import type { Clock, Random } from "../base/ports.ts";
import { backoffMs } from "./backoff.ts";

export interface KeptStream {
  /** The server accepted it once, or the first attempt is over. */
  readonly opened: Promise<void>;
  stop(): void;
}

export interface StreamEnd {
  /** The server does not offer the stream: it is not asked again. */
  readonly unsupported: boolean;
}

/**
 * Keeps `open` running: it opens the stream once, calls `opened` when the server accepted it and
 * `ended` when it is over, and gives a function that cuts it.
 */
export function keepStream(
  ports: { readonly clock: Clock; readonly random: Random },
  open: (on: { opened(): void; ended(end: StreamEnd): void }) => () => void,
  reopened: () => void,
): KeptStream {
  const first = Promise.withResolvers<void>();
  let tries = 0;
  let times = 0;
  let stopped = false;
  let cut: () => void = () => undefined;
  let cancelTimer: () => void = () => undefined;

  function start(): void {
    let over = false;
    let openedAt: number | undefined;
    cut = open({
      opened() {
        openedAt = ports.clock.mono();
        times += 1;
        first.resolve();
        // What changed while there was no stream is not told on the new one.
        if (times > 1) reopened();
      },
      ended({ unsupported }) {
        if (over || stopped) return;
        over = true;
        first.resolve();
        if (unsupported) return;
        const lived = openedAt === undefined ? 0 : ports.clock.mono() - openedAt;
        tries = lived > limits.backoffLastMs ? 0 : tries + 1;
        cancelTimer = ports.clock.after(backoffMs(tries, ports.random), start);
      },
    });
  }

  start();
  return {
    opened: first.promise,
    stop() {
      stopped = true;
      cancelTimer();
      cut();
    },
  };
}
