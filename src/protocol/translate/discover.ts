/** What the gateway says of itself to a modern client: initialize without a session. */

import { metaKeys } from "../known-keys.ts";
import { modernRevisions } from "../versions.ts";
import type { SelfDescription } from "./initialize.ts";

/** JSON text of the result of `server/discover`; it depends on the key, so nobody may share it. */
export function discoverResult(self: SelfDescription): string {
  const { serverInfo, capabilities, instructions } = self;
  return JSON.stringify({
    resultType: "complete",
    supportedVersions: modernRevisions,
    capabilities,
    instructions,
    ttlMs: 0,
    cacheScope: "private",
    _meta: { [metaKeys.serverInfo]: serverInfo },
  });
}
