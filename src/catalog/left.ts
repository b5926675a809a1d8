/** What servers offered until they were disabled: who calls it is told that. */

import type { ListMethod } from "../protocol/lists.ts";
import type { Built } from "./build.ts";

export interface Left {
  /** This server offers nothing of it any more. */
  keep(method: ListMethod, built: Built, server: string): void;
  /** It can be asked again, or is no more. */
  forget(server: string): void;
  of(method: ListMethod, exposed: string): LeftItem | undefined;
}

export interface LeftItem {
  readonly server: string;
  readonly name: string;
}

/** As many names as those servers listed last, each once. */
export function whatLeft(): Left {
  const byServer = new Map<string, Map<ListMethod, Map<string, LeftItem>>>();
  return {
    keep(method, { items }, server) {
      const own = byServer.get(server) ?? new Map<ListMethod, Map<string, LeftItem>>();
      byServer.set(server, own);
      const its = [...items.values()].filter((item) => item.server === server);
      own.set(method, new Map(its.map(({ exposed, name }) => [exposed, { server, name }])));
    },
    forget: (server) => void byServer.delete(server),
    of(method, exposed) {
      for (const own of byServer.values()) {
        const found = own.get(method)?.get(exposed);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
