/** Servers in their first start, and how long lists wait for them. */

import { type ListMethod, listMethods } from "../protocol/lists.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ListOptions } from "./lists.ts";

export interface FirstStart {
  readonly upstream: Upstream;
  /** Ends with the first read of the list, or when its server failed to start. */
  readonly first: Readonly<Record<ListMethod, Promise<void>>>;
}

export interface Starts {
  /** The first read of this list is not over yet. */
  pending(method: ListMethod, server: string): boolean;
  /** Until all first reads are over of lists that are not known; undefined: nothing to wait for. */
  wait(method: ListMethod): Promise<void> | undefined;
  stop(): void;
}

export interface StartPorts {
  /** All servers were asked for this list once. */
  settled(method: ListMethod): void;
  /** What the server listed last is shown. */
  isKnown(method: ListMethod, server: string): boolean;
}

export function firstStarts(
  servers: readonly FirstStart[],
  { clock, startWaitMs, warn }: ListOptions,
  { settled, isKnown }: StartPorts,
): Starts {
  const stop = clock.after(startWaitMs, () => {
    const late = awaited("tools/list").map(([server]) => server);
    if (late.length > 0) warn("lists wait no longer for servers", { servers: late, startWaitMs });
  });
  const awaited = (method: ListMethod) =>
    [...(pending.get(method) ?? [])].filter(([server]) => !isKnown(method, server));
  const until = clock.mono() + startWaitMs;
  const pending = new Map(
    listMethods.map((method) => {
      const open = new Map(servers.map(({ upstream, first }) => [upstream.id, first[method]]));
      for (const [server, ended] of open) void ended.then(() => open.delete(server));
      void Promise.all(open.values()).then(() => settled(method));
      return [method, open] as const;
    }),
  );
  return {
    pending: (method, server) => pending.get(method)?.has(server) === true,
    wait(method) {
      const leftMs = until - clock.mono();
      const firsts = awaited(method);
      if (leftMs <= 0 || firsts.length === 0) return undefined;
      let wake: () => void = () => undefined;
      const late = new Promise<void>((resolve) => {
        wake = clock.after(leftMs, resolve);
      });
      const ended = Promise.all(firsts.map(([, first]) => first)).then(wake);
      return Promise.race([ended, late]);
    },
    stop,
  };
}
