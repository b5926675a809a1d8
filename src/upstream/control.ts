/** What an operator does to a server, on top of what attempts.ts does by itself. */

import { serverDisabled } from "../base/disabled.ts";
import { fault } from "../base/errors.ts";
import type { Link } from "./link.ts";
import type { StateKeeper } from "./states.ts";
import type { UpstreamControl } from "./upstream.ts";

/** The inside of attempts.ts. */
export interface Inside {
  readonly id: string;
  readonly states: StateKeeper;
  link(): Link | undefined;
  attempt(): Promise<Link> | undefined;
  /** An attempt can be ended before it ends itself. */
  readonly canAbort: boolean;
  isStopping(): boolean;
  /** Has the list read anew. */
  relist(): void;
  /** No timer, no failure and no start counts any more. */
  forgive(): void;
  begin(): void;
  close(running: Promise<Link> | undefined): Promise<void>;
  /** The next attempt, which whoever calls meanwhile waits for. */
  startAfter(closing: Promise<void>): void;
}

export function createControl(inside: Inside): UpstreamControl {
  const { id, states } = inside;
  const needEnabled = (): void => {
    if (states.state === "disabled") throw serverDisabled(id, states);
    if (states.off) throw fault("GW_DRAINING", { message: `Cannot reach "${id}"` });
  };
  return {
    retry() {
      needEnabled();
      if (inside.link() !== undefined) return inside.relist();
      inside.forgive();
      inside.begin();
    },
    async restart() {
      needEnabled();
      const running = inside.attempt();
      // Such an attempt is a new start itself, and ends by its own deadline.
      if (running !== undefined && !inside.canAbort) return;
      inside.forgive();
      const closing = inside.close(running);
      states.enter("starting", "restarted by an operator");
      inside.startAfter(closing);
      await closing;
    },
    async disable(cause) {
      if (states.off) return;
      inside.forgive();
      states.enter("disabled", cause);
      await inside.close(inside.attempt());
    },
    async enable() {
      if (states.state !== "disabled" || inside.isStopping()) return;
      inside.forgive();
      // What is ending still would be taken for the new attempt.
      await inside.attempt()?.catch(() => undefined);
      if (states.state === "disabled" && !inside.isStopping()) inside.begin();
    },
  };
}
