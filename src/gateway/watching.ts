/** Who may be told that a resource changed: decided as a read, where there is no call to decide. */

import type { Identity } from "../access/access.ts";
import { asFault } from "../base/errors.ts";
import type { ResourcePorts } from "../front/ports.ts";
import type { Parts } from "./parts.ts";

export function watching({ calls, catalog, log }: Parts): ResourcePorts {
  const { resources, clock } = calls;
  const mayRead = (identity: Identity, uri: string): boolean => {
    const item = catalog.resource(uri);
    if (item === undefined) return false;
    const decision = catalog.candidates(identity, item).decide({
      args: { uri },
      client: { name: "", version: "" },
      request: { method: "resources/subscribe", transport: "http" },
      nowMs: clock.now(),
      inexact: false,
    });
    return decision.effect === "allow";
  };
  return {
    mayRead,
    async watch(identity, uri) {
      const item = catalog.resource(uri);
      if (item === undefined || !mayRead(identity, uri)) return false;
      try {
        await resources.watch(item.upstream, uri);
        return true;
      } catch (thrown) {
        const { code, message } = asFault(thrown, `Cannot watch a resource of "${item.server}"`);
        log.info("A resource is not watched", {
          server: item.server,
          error: `${code}: ${message}`,
        });
        return false;
      }
    },
    unwatch: (uri) => resources.unwatch(uri),
    onUpdated: (listener) => resources.onUpdated(listener),
  };
}
