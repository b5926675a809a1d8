/** Which of the three kinds a message of a server is. */

import type { JsonObject } from "../base/json.ts";
import { member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { readMessage } from "../protocol/json-rpc.ts";
import type { RequestMessage, ResponseMessage, StrictBody } from "../protocol/message.ts";

export type ServerMessage =
  | OurResponse
  | RequestMessage
  | { readonly kind: "notification"; readonly method: string; readonly params: JsonObject }
  /** Not JSON-RPC. `id`: the request it was perhaps meant for. */
  | { readonly kind: "odd"; readonly id: number | undefined; readonly why: string };

type OurResponse = ResponseMessage & { readonly id: number };

export function classify(body: StrictBody): ServerMessage {
  const message = readMessage(body, fromServer);
  if (message.kind === "problem") return { kind: "odd", id: ownId(body), why: message.message };
  if (message.kind !== "response") return message;
  if (isOurs(message)) return message;
  return { kind: "odd", id: undefined, why: "a response to a request that was never sent" };
}

/** All our ids are numbers. */
function isOurs(message: ResponseMessage): message is OurResponse {
  return typeof message.id === "number";
}

const fromServer = { idBytes: limits.idBytes, from: "server" } as const;

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
