/** What the gateway says of itself to a legacy client. */

import type { JsonObject } from "../../base/json.ts";

export interface SelfDescription {
  readonly serverInfo: { readonly name: string; readonly version: string };
  readonly capabilities: JsonObject;
  readonly instructions: string | undefined;
}

/** JSON text of the result of `initialize`; `protocol` is the negotiated revision. */
export function initializeResult(self: SelfDescription, protocol: string): string {
  const { serverInfo, capabilities, instructions } = self;
  // JSON leaves undefined members out.
  return JSON.stringify({ protocolVersion: protocol, capabilities, serverInfo, instructions });
}
