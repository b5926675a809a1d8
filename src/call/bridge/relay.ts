/** Legacy server, legacy client: the server's request goes on on the stream of the call. */

import { asFault } from "../../base/errors.ts";
import { isObject, member } from "../../base/json.ts";
import { relatedWithId } from "../../protocol/translate/tasks.ts";
import type { ServerRequest } from "../../upstream/upstream.ts";
import type { ClientAnswer } from "../incoming.ts";
import { answerForUser, endOf, type Note, note, type Verdict, verdictOf } from "./asking.ts";
import type { Leg } from "./leg.ts";

export function relay(leg: Leg, asked: ServerRequest): void {
  const { method, params, paramsBytes } = asked;
  const entry = note(leg, method, paramsBytes);
  const verdict = verdictOf(leg, method, params);
  if (verdict !== "ask") {
    refuse(asked, entry, verdict);
    return;
  }
  const { task } = leg;
  const named = task === undefined ? paramsBytes : relatedWithId(paramsBytes, task.name);
  const question = leg.reply.ask(method, [named]);
  if (question === undefined) {
    entry.end = "unasked";
    asked.error(-32603, "The client cannot be asked: it takes no event stream");
    return;
  }
  leg.toClient();
  leg.open.add(question);
  asked.onCancelled = (reason) => {
    entry.end = "taken_back";
    question.cancel(reason);
  };
  const over = () => {
    leg.open.delete(question);
    leg.toServer();
  };
  question.answer.then(
    (answer) => {
      over();
      settle(asked, entry, answer, task?.id);
    },
    (thrown) => {
      over();
      asked.error(-32603, asFault(thrown, "The client did not answer").message);
    },
  );
}

/** What a server gets that must not ask; nobody is bothered with it. */
export function refuse(asked: ServerRequest, entry: Note, verdict: Exclude<Verdict, "ask">): void {
  entry.end = verdict;
  if (verdict === "undeclared") {
    asked.error(-32601, `The client did not declare what "${asked.method.slice(0, 64)}" needs`);
    return;
  }
  const answer = answerForUser(asked.method);
  if (answer !== undefined) asked.result([answer]);
  // -1: as 2025-11-25 has it for a user who rejects (client/sampling).
  else asked.error(-1, "The policy of the gateway does not allow the request");
}

function settle(
  asked: ServerRequest,
  entry: Note,
  answer: ClientAnswer,
  task: string | undefined,
): void {
  if (!answer.ok) {
    entry.end = "error";
    asked.error(answer.code, answer.message, answer.data);
    return;
  }
  entry.end = endOf(asked.method, isObject(answer.value) && member(answer.value, "action"));
  asked.result([task === undefined ? answer.bytes : relatedWithId(answer.bytes, task)]);
}
