/** What a client says that servers may ask of it, in the forms that each era takes. */

import { isObject, type Json, type JsonObject, member } from "../base/json.ts";

export interface ClientCapabilities {
  /** As declared: what a modern server is told, never our own or a union (2026-07-28, MRTR). */
  readonly text: string;
  /**
   * For `initialize` at a legacy server, in one fixed order: clients that can be asked the same
   * have the same text, and may share a session.
   */
  readonly legacyText: string;
  /** Whether a server may ask anything at all. */
  readonly asks: boolean;
  /** Whether it may ask this: `elicitation/create` with its mode, sampling, roots. */
  allows(method: string, params: JsonObject): boolean;
}

export const noCapabilities: ClientCapabilities = {
  text: "{}",
  legacyText: "{}",
  asks: false,
  allows: () => false,
};

/** `raw`: `capabilities` of initialize, or `clientCapabilities` of a modern envelope. */
export function readCapabilities(raw: JsonObject): ClientCapabilities {
  if (Object.keys(raw).length === 0) return noCapabilities;
  const elicitation = objectIn(raw, "elicitation");
  const sampling = objectIn(raw, "sampling");
  const roots = objectIn(raw, "roots");
  // `elicitation: {}` is the form mode alone (elicitation, both eras).
  const url = elicitation !== undefined && objectIn(elicitation, "url") !== undefined;
  const form = elicitation !== undefined && (objectIn(elicitation, "form") !== undefined || !url);
  const legacy = {
    ...(elicitation && { elicitation: { ...(form && { form: {} }), ...(url && { url: {} }) } }),
    ...(sampling && { sampling: known(sampling, ["context", "tools"]) }),
    // Nobody tells the server of a change: see the bridging table, roots/list_changed.
    ...(roots && { roots: { listChanged: false } }),
  };
  return {
    text: JSON.stringify(raw),
    legacyText: JSON.stringify(legacy),
    asks: elicitation !== undefined || sampling !== undefined || roots !== undefined,
    allows(method, params) {
      if (method === "elicitation/create") return member(params, "mode") === "url" ? url : form;
      if (method === "sampling/createMessage") return sampling !== undefined;
      return method === "roots/list" && roots !== undefined;
    },
  };
}

function known(object: JsonObject, keys: readonly string[]): JsonObject {
  const found = keys.filter((key) => objectIn(object, key) !== undefined);
  return Object.fromEntries(found.map((key) => [key, {}]));
}

function objectIn(object: JsonObject, key: string): JsonObject | undefined {
  const value: Json | undefined = member(object, key);
  return isObject(value) ? value : undefined;
}
