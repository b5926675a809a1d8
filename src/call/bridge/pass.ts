/**
 * Modern client, modern server: what the server asks passes, and so does the retry. No state is
 * kept: the server's requestState goes round inside a sealed one, bound to key, method and name.
 */

import { fault, type GatewayError } from "../../base/errors.ts";
import { member } from "../../base/json.ts";
import type { StrictBody } from "../../protocol/message.ts";
import {
  type InputRequest,
  responsesText,
  rewrapped,
} from "../../protocol/translate/input-required.ts";
import { answered, ready } from "../answer.ts";
import { answerForUser, note, verdictOf } from "./asking.ts";
import type { Leg } from "./leg.ts";
import { readRound, unanswerable } from "./rounds.ts";
import { sealWrap } from "./state.ts";

export function passRound(leg: Leg, message: StrictBody): void {
  const { requests, state } = readRound(leg, message);
  const asked: InputRequest[] = [];
  const forUser: Record<string, string> = {};
  for (const request of requests) {
    const { key, method, params, bytes } = request;
    const entry = note(leg, method, bytes);
    const verdict = verdictOf(leg, method, params);
    entry.end = verdict === "ask" ? "passed" : verdict;
    if (verdict === "undeclared") throw undeclared(method, member(params, "mode") === "url");
    if (verdict === "ask") asked.push(request);
    else {
      const answer = answerForUser(method);
      if (answer === undefined) throw unanswerable(leg, method, "the policy does not allow it");
      forUser[key] = answer;
    }
  }
  const denied = Object.entries(forUser);
  if (asked.length === 0 && denied.length > 0) {
    const answers = denied.map(([key, answer]) => [key, [answer]] as const);
    leg.resend({ responses: responsesText(answers), state });
  } else if (state === undefined && asked.length === requests.length)
    leg.end(answered(message, "modern"));
  else {
    const sealed = sealWrap(leg, { state, answered: forUser });
    leg.end(ready(message, "modern", rewrapped(message, asked, sealed)));
  }
}

/** 1.4: which capability the client would have to declare. */
export function undeclared(method: string, url: boolean): GatewayError {
  const form = url ? { url: {} } : {};
  const known: Record<string, object> = {
    "elicitation/create": { elicitation: form },
    "sampling/createMessage": { sampling: {} },
    "roots/list": { roots: {} },
  };
  return fault("GW_CLIENT_CAPABILITY", {
    message: `The server asks "${method.slice(0, 64)}", and the client did not declare it`,
    data: { requiredCapabilities: known[method] ?? {} },
  });
}
