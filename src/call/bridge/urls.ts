/**
 * Modern client, legacy server that wants URLs to be visited first (-32042): the client is asked to
 * do that, and its next request makes the call again. Nothing stays open.
 */

import { fault } from "../../base/errors.ts";
import { isObject, type Json, type JsonObject, member } from "../../base/json.ts";
import { limits } from "../../base/limits.ts";
import type { StrictBody } from "../../protocol/message.ts";
import { inputRequired } from "../../protocol/translate/input-required.ts";
import { ready } from "../answer.ts";
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
  const method = "elicitation/create";
  const requests = entriesOf(message).map((entry, index) => {
    const { url, message: text } = entry;
    const params: JsonObject = { mode: "url", url: url ?? "", message: text ?? "" };
    const bytes = new TextEncoder().encode(JSON.stringify(params));
    const noted = note(leg, method, bytes);
    const verdict = verdictOf(leg, method, params);
    noted.end = verdict === "ask" ? "passed" : verdict;
    if (verdict === "undeclared") throw undeclared(method, true);
    if (verdict === "denied") throw unanswerable(leg, method, "the policy does not allow it");
    return { key: `u${index + 1}`, method, bytes };
  });
  leg.end(ready(message, "legacy", inputRequired(requests, sealAgain(leg))));
}

function entriesOf(message: StrictBody): readonly JsonObject[] {
  const error = message.value["error"];
  const data = isObject(error) ? member(error, "data") : undefined;
  const found: Json | undefined = isObject(data) ? member(data, "elicitations") : undefined;
  const entries = Array.isArray(found) ? found.filter(isObject) : [];
  if (entries.length > 0 && entries.length <= limits.questionsPerCall) return entries;
  const what = "The server wants URLs to be visited and does not say which";
  throw fault("GW_UPSTREAM_ERROR", { message: what });
}

/** The user did not do what the server wanted: calling it again would only ask again. */
export function declinedUrls(responses: ReadonlyMap<string, Uint8Array>): boolean {
  for (const bytes of responses.values()) {
    const { action } = JSON.parse(new TextDecoder().decode(bytes)) as { action?: unknown };
    if (action !== "accept") return true;
  }
  return false;
}
