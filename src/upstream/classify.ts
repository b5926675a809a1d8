/** Which of the three kinds a message of a server is. */

import type { JsonObject } from "../base/json.ts";
import { member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { readMessage } from "../protocol/json-rpc.ts";
import type { RequestMessage, StrictBody } from "../protocol/message.ts";

export type ServerMessage =
  | { readonly kind: "response"; readonly id: number; readonly body: StrictBody }
  | RequestMessage
  | { readonly kind: "notification"; readonly method: string; readonly params: JsonObject }
  /** Not JSON-RPC. `id`: the request it was perhaps meant for. */
  | { readonly kind: "odd"; readonly id: number | undefined; readonly why: string };

export function classify(body: StrictBody): ServerMessage {
  const read = readMessage(body, { idBytes: limits.idBytes, from: "server" });
  if (!read.ok) return { kind: "odd", id: ownId(body), why: read.error.message };
  const message = read.value;
  if (message.kind === "response") {
    const { id } = message;
    // All our ids are numbers.
    if (typeof id === "number") return { kind: "response", id, body };
    return { kind: "odd", id: undefined, why: "a response to a request that was never sent" };
  }
  return message;
}

/** The progress token of a notification that belongs to a request of ours. */
export function progressId(method: string, params: JsonObject): number | undefined {
  if (method !== "notifications/progress") return undefined;
  const token = member(params, "progressToken");
  return typeof token === "number" ? token : undefined;
}

function ownId(body: StrictBody): number | undefined {
  const id = member(body.value, "id");
  return typeof id === "number" ? id : undefined;
}
