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
  wait(method: ListMethod, isKnown: (server: string) => boolean): Promise<void> | undefined;
}

/** `settled`: all servers were asked for this list once. */
export function firstStarts(
  servers: readonly FirstStart[],
  { clock, startWaitMs }: ListOptions,
  settled: (method: ListMethod) => void,
): Starts {
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
    wait(method, isKnown) {
      const leftMs = until - clock.mono();
      const awaited = [...(pending.get(method) ?? [])].filter(([server]) => !isKnown(server));
      if (leftMs <= 0 || awaited.length === 0) return undefined;
      let stop: () => void = () => undefined;
      const late = new Promise<void>((resolve) => {
        stop = clock.after(leftMs, resolve);
      });
      const ended = Promise.all(awaited.map(([, first]) => first)).then(stop);
      return Promise.race([ended, late]);
    },
  };
}
