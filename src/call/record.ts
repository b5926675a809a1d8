/** What the receipts of a call say: digests and sizes, never the bytes themselves. */

import { createHash, hash } from "node:crypto";
import type { ErrorCode } from "../base/errors.ts";
import { withoutKeys } from "../base/hidden-keys.ts";
import type { JsonObject } from "../base/json.ts";
import type { Decision, Policy } from "../policy/model.ts";
import { otherParams } from "../protocol/envelope.ts";
import type { IntentFields, Outcome, OutcomeFields } from "../receipt/model.ts";
import type { Forwarded } from "./answer.ts";
import type { LiveCall } from "./board.ts";
import type { Incoming } from "./incoming.ts";
import type { DecidedCall } from "./method.ts";
import { denialCode } from "./respond.ts";

export function intentFields(
  incoming: Incoming,
  call: DecidedCall,
  decision: Decision,
  policy: Policy,
  now: number,
): IntentFields {
  const { identity, client, message } = incoming;
  const { item, argsBytes } = call;
  const refused = decision.effect !== "allow";
  const refusal = call.guess?.unlisted === undefined ? "denied" : "upstream_down";
  return {
    keyId: identity.keyId,
    keyName: identity.keyName,
    session: incoming.session,
    client: labelOf(client),
    era: incoming.era,
    method: message.method,
    server: item?.server ?? call.guess?.server ?? "",
    tool: item?.name ?? withoutKeys(call.guess?.tool ?? call.exposed),
    argsHash: digest(argsBytes ?? "{}"),
    argsBytes: argsBytes?.length ?? 0,
    paramsHash: paramsDigest(incoming, call.method.covers),
    policyHash: policy.hash,
    effect: decision.effect,
    rule: decision.rule?.id ?? "",
    rules: decision.matched,
    definitionHash: item?.definitionHash ?? "",
    code: refused ? denialCode(message.method, call, decision) : "",
    outcome: refused ? refusal : "",
    decideUs: Math.round((now - incoming.arrived) * 1000),
  };
}

/** The last one: most calls come from the same program. */
let label = { name: "", version: "", text: "" };

function labelOf({ name, version }: Incoming["client"]): string {
  if (name === "") return "";
  if (name !== label.name || version !== label.version) {
    label = { name, version, text: `${name}/${version}` };
  }
  return label.text;
}

/** For the log at level debug: who, what, which rules; sizes, never arguments. */
export function decisionTrace(incoming: Incoming, call: DecidedCall, decision: Decision) {
  const { identity, era, protocol, client } = incoming;
  return {
    key: identity.keyName,
    tool: call.item?.target ?? withoutKeys(call.exposed),
    effect: decision.effect,
    rule: decision.rule?.id,
    undecided: decision.undecided,
    matched: decision.matched,
    era,
    protocol,
    client: client.name,
    body_bytes: incoming.message.body.bytes.length,
  };
}

export function outcomeFields(
  incoming: Incoming,
  of: number,
  answer: Forwarded,
  live: LiveCall,
  now: number,
): OutcomeFields {
  const { asked, queuedMs } = live;
  const result = answer.kind === "result" ? answer.bytes : undefined;
  const ended = answer.kind === "cancelled" && wasSent(live) ? live.ended?.code : undefined;
  return {
    of,
    outcome: ended === "GW_ENDED_BY_STOP" ? "unknown" : outcomeOf(answer),
    code: answer.kind === "failed" ? answer.error.code : (ended ?? ""),
    resultHash: result === undefined ? "" : digest(result),
    resultBytes: result?.length ?? 0,
    tookMs: now - incoming.arrived,
    serverMs: answer.serverMs,
    queueMs: queuedMs === 0 ? undefined : queuedMs,
    asked,
  };
}

/** Its server asked for its parameters: bytes of it may have left. */
export function wasSent({ serverEra }: Pick<LiveCall, "serverEra">): boolean {
  return serverEra !== undefined;
}

function outcomeOf(answer: Forwarded): Outcome {
  if (answer.kind === "cancelled") return "cancelled";
  if (answer.kind === "result") return answer.outcome;
  const known = failures[answer.error.code];
  // A server that failed after it got the call may have done it: that is not known, not an error.
  if (answer.mayHaveRun && (known === undefined || known === "upstream_error")) return "unknown";
  return known ?? "upstream_error";
}

const failures: Partial<Record<ErrorCode, Outcome>> = {
  GW_AUDIT_UNAVAILABLE: "limited",
  GW_TIMEOUT_IDLE: "timeout",
  GW_TIMEOUT_MAX: "timeout",
  GW_UPSTREAM_DOWN: "upstream_down",
  GW_SERVER_DISABLED: "upstream_down",
  GW_UPSTREAM_FAILING: "upstream_down",
  GW_UPSTREAM_BUSY: "limited",
  GW_UPSTREAM_ERROR: "upstream_error",
  GW_RESULT_TOO_LARGE: "limited",
  GW_ASKED_TOO_MUCH: "limited",
  GW_ANSWER_LATE: "expired",
  GW_DECLINED: "cancelled",
  GW_SUBSCRIPTIONS_FULL: "limited",
};

/** Of every params member that is not covered yet, as received; they are forwarded too. */
function paramsDigest({ message }: Incoming, covers: readonly string[]): string {
  if (!hasOthers(message.params, covers)) return "";
  const others = otherParams(message, covers);
  if (others === undefined) return "";
  const whole = createHash("sha256");
  for (const piece of others) whole.update(piece);
  return whole.digest("hex");
}

/** Most calls have none, and the tree knows that sooner than the bytes. */
function hasOthers(params: JsonObject, covers: readonly string[]): boolean {
  for (const key in params) if (!covers.includes(key)) return true;
  return false;
}

function digest(bytes: Uint8Array | string): string {
  return hash("sha256", bytes, "hex");
}
