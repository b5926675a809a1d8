/**
 * The four cells: what becomes of a server's question, by the eras of both sides.
 *
 *                   legacy server                     modern server (input_required)
 *   legacy client   relay.ts: on the call's stream    rounds.ts: on the call's stream, and again
 *   modern client   park.ts, urls.ts: input_required  pass.ts: passes, its state sealed
 */

import { asFault, fault } from "../../base/errors.ts";
import type { Era, StrictBody } from "../../protocol/message.ts";
import { oneLine } from "../../protocol/one-line.ts";
import { asksForInput, responsesText } from "../../protocol/translate/input-required.ts";
import type { ServerRequest } from "../../upstream/upstream.ts";
import type { Leg } from "./leg.ts";
import { Park } from "./park.ts";
import { passRound } from "./pass.ts";
import { relay } from "./relay.ts";
import { answerRound } from "./rounds.ts";
import { type Opened, responsesOf } from "./state.ts";
import { isAboutTask, passTask } from "./tasks.ts";
import { askForUrls, declinedUrls, passUrls, wantsUrls } from "./urls.ts";

/** A legacy server asks in the middle of a call. */
export function askClient(leg: Leg & { park: Park | undefined }, asked: ServerRequest): void {
  if (leg.incoming.era === "legacy") relay(leg, asked);
  else {
    leg.park ??= new Park(leg);
    leg.park.ask(asked);
  }
}

/** Whether a server's answer is none yet. */
export function isBridged(leg: Leg, message: StrictBody, from: Era): boolean {
  if (isAboutTask(leg, message, from)) return true;
  return from === "modern" ? asksForInput(message) : wantsUrls(message);
}

export function passAnswer(leg: Leg, message: StrictBody, from: Era): void {
  try {
    if (isAboutTask(leg, message, from)) {
      passTask(leg, message, from);
      return;
    }
    if (from === "legacy" && leg.incoming.era === "legacy") {
      passUrls(leg, message);
      return;
    }
    if (!mayAsk.has(leg.incoming.message.method)) throw odd(leg);
    if (from === "legacy") askForUrls(leg, message);
    else if (leg.incoming.era === "modern") passRound(leg, message);
    else answerRound(leg, message);
  } catch (thrown) {
    leg.fail(asFault(thrown, `Cannot use the answer of "${leg.item.server}"`));
  }
}

/** The next request of a client that was asked. */
export function goOn(leg: Leg & { send(): void }, state: Opened): void {
  const given = responsesOf(leg.incoming);
  if (state.kind === "again" && given !== undefined && declinedUrls(given)) {
    const message = `"${leg.item.target}" wants URLs to be visited, and the user did not`;
    leg.end({ kind: "failed", error: fault("GW_DECLINED", { message }), mayHaveRun: false });
  } else if (state.kind === "wrap") {
    const { answered, state: its } = state;
    const client = [...(given ?? [])].filter(([key]) => !Object.hasOwn(answered, key));
    const all = [...client.map(([key, bytes]) => [key, oneLine(bytes)] as const)];
    const forUser = Object.entries(answered).map(([key, text]) => [key, String(text)] as const);
    const answers = [...all, ...forUser].map(([key, text]) => [key, [text]] as const);
    const responses = answers.length === 0 ? undefined : responsesText(answers);
    leg.resend({ responses, state: its });
  } else leg.send();
}

/** 1.7: no other method may ask for input. */
const mayAsk: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);

function odd(leg: Leg) {
  const { method } = leg.incoming.message;
  const message = `"${leg.item.server}" asks for input in the middle of ${method}`;
  return fault("GW_UPSTREAM_ERROR", { message });
}
