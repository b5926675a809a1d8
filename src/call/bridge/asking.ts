/** Whether a server may ask its client this, and what the receipt says of it. */

import { hash } from "node:crypto";
import type { JsonObject } from "../../base/json.ts";
import { limits } from "../../base/limits.ts";
import type { AskedFields } from "../../receipt/model.ts";
import { requestFacts } from "../decide.ts";
import type { Leg } from "./leg.ts";

export type Verdict = "ask" | "denied" | "undeclared";

/** Only a deny that names the method stops it: the call that it belongs to was allowed. */
export function verdictOf(leg: Leg, method: string, params: JsonObject): Verdict {
  const { incoming, policy, ports } = leg;
  if (!incoming.capabilities.allows(method, params)) return "undeclared";
  const target = { kind: "method", name: method, declared: undefined } as const;
  const decision = policy.candidates(incoming.identity, target).decide({
    args: params,
    client: incoming.client,
    request: requestFacts(incoming),
    nowMs: ports.clock.now(),
  });
  return decision.code === "GW_DENIED" || decision.code === "GW_ASK" ? "denied" : "ask";
}

/** What is answered for a user whom the policy does not let be asked; undefined: nothing can be. */
export function answerForUser(method: string): string | undefined {
  if (method === "elicitation/create") return '{"action":"decline"}';
  return method === "roots/list" ? '{"roots":[]}' : undefined;
}

/** An entry of the receipt, to be completed. */
export interface Note extends AskedFields {
  end: AskedFields["end"];
}

export function note(leg: Leg, method: string, params: Uint8Array): Note {
  const entry: Note = { method, paramsHash: hash("sha256", params, "hex"), end: "unanswered" };
  leg.live.asked ??= [];
  if (leg.live.asked.length < limits.askedPerReceipt) leg.live.asked.push(entry);
  return entry;
}

/** How a client's answer counts. */
export function endOf(method: string, action: unknown): AskedFields["end"] {
  const actions = ["accept", "decline", "cancel"] as const;
  if (method !== "elicitation/create") return "answered";
  return actions.find((one) => one === action) ?? "answered";
}
