/** Runs the policy on one call; never throws, never waits. */

import type { BriefObject } from "../base/brief.ts";
import type { JsonObject } from "../base/json.ts";
import type { Decision, Facts } from "../policy/model.ts";
import type { Incoming } from "./incoming.ts";
import type { DecidedCall } from "./method.ts";
import type { CallPorts } from "./ports.ts";

export function decide(incoming: Incoming, call: DecidedCall, ports: CallPorts): Decision {
  if (call.item === undefined) return unknownItem;
  const candidates = ports.catalog.candidates(incoming.identity, call.item);
  if (call.method.anyArgs === true && candidates.visibility !== "deny") return asItsCall;
  return candidates.decide(new CallFacts(incoming, call, ports.clock.now()));
}

/** What few rules ask for is made when it is asked for. */
class CallFacts implements Facts {
  readonly args: BriefObject;
  readonly nowMs: number;
  readonly #incoming: Incoming;

  constructor(incoming: Incoming, { args }: DecidedCall, nowMs: number) {
    this.args = args;
    this.nowMs = nowMs;
    this.#incoming = incoming;
  }

  get client(): JsonObject {
    return this.#incoming.client;
  }

  get request(): JsonObject {
    return requestFacts(this.#incoming);
  }

  get inexact(): boolean {
    return this.#incoming.message.body.inexact === true;
  }
}

/** The call that made the task was allowed, and the key may still make such calls. */
const asItsCall: Decision = {
  effect: "allow",
  code: undefined,
  rule: undefined,
  undecided: false,
  matched: [],
  hint: undefined,
};

/** No rule was asked: there is nothing it could be asked about. */
const unknownItem: Decision = {
  effect: "deny",
  code: undefined,
  rule: undefined,
  undecided: false,
  matched: [],
  hint: undefined,
};

/** What the gateway knows of a request. */
export function requestFacts(incoming: Incoming): JsonObject {
  return {
    method: incoming.message.method,
    era: incoming.era,
    protocol: incoming.protocol,
    transport: incoming.transport,
  };
}
