/**
 * A legacy server that wants URLs to be visited first (-32042): a modern client is asked to do it,
 * and its next request makes the call again. Nothing stays open.
 */

import { fault } from "../../base/errors.ts";
import { isObject, type Json, type JsonObject, member } from "../../base/json.ts";
import { limits } from "../../base/limits.ts";
import type { StrictBody } from "../../protocol/message.ts";
import { inputRequired } from "../../protocol/translate/input-required.ts";
import { answered, ready } from "../answer.ts";
import { note, verdictOf } from "./asking.ts";
import type { Leg } from "./leg.ts";
import { undeclared } from "./pass.ts";
import { unanswerable } from "./rounds.ts";
import { sealAgain } from "./state.ts";

export function wantsUrls(message: StrictBody): boolean {
  const error = member(message.value, "error");
  return isObject(error) && member(error, "code") === -32042;
}

/** Throws what is wrong with the server's error. */
export function askForUrls(leg: Leg, message: StrictBody): void {
  const entries = entriesOf(message);
  if (entries.length === 0 || entries.length > limits.questionsPerCall) {
    const what = "The server wants URLs to be visited and does not say which";
    throw fault("GW_UPSTREAM_ERROR", { message: what });
  }
  const requests = entries.map((entry, index) => {
    const { bytes, verdict } = questionOf(leg, entry);
    if (verdict === "undeclared") throw undeclared(method, true);
    return { key: `u${index + 1}`, method, bytes };
  });
  leg.end(ready(message, "legacy", inputRequired(requests, sealAgain(leg))));
}

/** A legacy client knows the error: it gets it, unless it may not be asked for one of the URLs. */
export function passUrls(leg: Leg, message: StrictBody): void {
  for (const entry of entriesOf(message)) questionOf(leg, entry);
  leg.end(answered(message, "legacy"));
}

const method = "elicitation/create";

/** Throws where the policy does not allow it. */
function questionOf(leg: Leg, { url, message }: JsonObject) {
  const params: JsonObject = { mode: "url", url: url ?? "", message: message ?? "" };
  const bytes = new TextEncoder().encode(JSON.stringify(params));
  const noted = note(leg, method, bytes);
  const verdict = verdictOf(leg, method, params);
  noted.end = verdict === "ask" ? "passed" : verdict;
  if (verdict === "denied") throw unanswerable(leg, method, "the policy does not allow it");
  return { bytes, verdict };
}

function entriesOf(message: StrictBody): readonly JsonObject[] {
  const error = message.value["error"];
  const data = isObject(error) ? member(error, "data") : undefined;
  const found: Json | undefined = isObject(data) ? member(data, "elicitations") : undefined;
  return Array.isArray(found) ? found.filter(isObject) : [];
}

/** The user did not do what the server wanted: calling it again would only ask again. */
export function declinedUrls(responses: ReadonlyMap<string, Uint8Array>): boolean {
  for (const bytes of responses.values()) {
    const { action } = JSON.parse(new TextDecoder().decode(bytes)) as { action?: unknown };
    if (action !== "accept") return true;
  }
  return false;
}
