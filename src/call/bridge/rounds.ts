/**
 * Legacy client, modern server: each input request becomes a request on the client's stream; the
 * answers go to the server with the same request again, until it is content. One receipt.
 */

import { randomUUID } from "node:crypto";
import { asFault, fault, type GatewayError } from "../../base/errors.ts";
import { isObject, member } from "../../base/json.ts";
import { limits } from "../../base/limits.ts";
import { notificationMessage } from "../../protocol/envelope.ts";
import type { Pieces, StrictBody } from "../../protocol/message.ts";
import { oneLine } from "../../protocol/one-line.ts";
import {
  type InputRequest,
  type InputRequired,
  readInputRequired,
  responsesText,
  toLegacyQuestion,
} from "../../protocol/translate/input-required.ts";
import type { Again } from "../../protocol/translate/params.ts";
import type { ClientAnswer } from "../incoming.ts";
import { answerForUser, endOf, note, verdictOf } from "./asking.ts";
import type { Leg } from "./leg.ts";

export function answerRound(leg: Leg, message: StrictBody): void {
  round(leg, message).then(
    (again) => {
      if (!leg.over) leg.resend(again);
    },
    (thrown) => leg.fail(asFault(thrown, `Cannot answer "${leg.item.target}"`)),
  );
}

/** What a modern server asks for, within the bounds of a round; throws what is wrong with it. */
export function readRound(leg: Leg, message: StrictBody): InputRequired {
  const read = readQuestions(leg, message);
  leg.rounds += 1;
  if (leg.rounds <= limits.askRounds) return read;
  throw fault("GW_ASKED_TOO_MUCH", {
    message: `"${leg.item.server}" still asks after ${limits.askRounds} rounds`,
  });
}

/** Its questions; throws where they are none, or too many. */
export function readQuestions(leg: Leg, message: StrictBody): InputRequired {
  const read = readInputRequired(message);
  const server = `"${leg.item.server}"`;
  if (!read.ok) {
    throw fault("GW_UPSTREAM_ERROR", {
      message: `Cannot use the answer of ${server}: ${read.error}`,
    });
  }
  if (read.value.requests.length > limits.questionsPerCall) {
    throw fault("GW_ASKED_TOO_MUCH", {
      message: `${server} asks more than ${limits.questionsPerCall} questions at once`,
    });
  }
  return read.value;
}

/** The client may show again what it hid behind the URL (2025-11-25, client/elicitation). */
export function tellUrlsDone(leg: Leg): void {
  for (const elicitationId of leg.urls) {
    const params = JSON.stringify({ elicitationId });
    leg.reply.notify(notificationMessage("notifications/elicitation/complete", params));
  }
  leg.urls = [];
}

async function round(leg: Leg, message: StrictBody): Promise<Again> {
  const { requests, state } = readRound(leg, message);
  const answers = await Promise.all(
    requests.map(async (request): Promise<readonly [string, Pieces]> => {
      return [request.key, await answerOf(leg, request)];
    }),
  );
  return { responses: requests.length === 0 ? undefined : responsesText(answers), state };
}

async function answerOf(leg: Leg, request: InputRequest): Promise<Pieces> {
  const { method, params, bytes } = request;
  const entry = note(leg, method, bytes);
  const verdict = verdictOf(leg, method, params);
  if (verdict === "undeclared") {
    entry.end = verdict;
    throw unanswerable(leg, method, "the client did not declare that it can be asked this");
  }
  if (verdict === "denied") {
    entry.end = verdict;
    const answer = answerForUser(method);
    if (answer !== undefined) return [answer];
    throw unanswerable(leg, method, "the policy does not allow it");
  }
  const id = randomUUID();
  const question = leg.reply.ask(method, toLegacyQuestion(request, id));
  if (question === undefined) {
    entry.end = "unasked";
    throw unanswerable(leg, method, "the client takes no event stream");
  }
  if (member(params, "mode") === "url") leg.urls = [...leg.urls, id];
  leg.toClient();
  leg.open.add(question);
  let answer: ClientAnswer;
  try {
    answer = await question.answer;
  } finally {
    leg.open.delete(question);
    leg.toServer();
  }
  if (answer.ok) {
    entry.end = endOf(method, isObject(answer.value) && member(answer.value, "action"));
    return [oneLine(answer.bytes)];
  }
  entry.end = "error";
  // 2026-07-28 has no answer that is an error; of a form this is the one that says nothing.
  if (method === "elicitation/create") return ['{"action":"cancel"}'];
  throw unanswerable(leg, method, `the client answered with error ${answer.code}`);
}

export function unanswerable(leg: Leg, method: string, cause: string): GatewayError {
  const message = `"${leg.item.target}" needs an answer to "${method.slice(0, 64)}"`;
  return fault("GW_UNANSWERED", { message, cause });
}
