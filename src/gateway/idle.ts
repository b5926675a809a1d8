/** `serve --idle-exit`: a gateway that was started for stdio clients ends when it has none. */

import type { Clock } from "../base/ports.ts";
import type { ListenOptions } from "../runtime/runtime.ts";

type Handle = ListenOptions["handle"];

export interface Idle {
  /** The same door; its requests are signs of life. */
  noted(handle: Handle): Handle;
  /** Resolves when nothing came for so long and nothing is open. */
  wait(isBusy: () => boolean): Promise<void>;
}

export function createIdle(clock: Clock, idleMs: number): Idle {
  let usedAt = clock.mono();
  return {
    noted: (handle) => (request, peer) => {
      usedAt = clock.mono();
      return handle(request, peer);
    },
    wait: (isBusy) =>
      new Promise((resolve) => {
        const look = () => {
          if (isBusy()) usedAt = clock.mono();
          if (clock.mono() - usedAt >= idleMs) resolve();
          else clock.after(idleMs / 4, look);
        };
        look();
      }),
  };
}
