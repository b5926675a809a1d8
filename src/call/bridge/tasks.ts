/** Answers that make a task or are about one: its id becomes the client's own. */

import { isObject, type JsonObject, member } from "../../base/json.ts";
import type { Era, StrictBody } from "../../protocol/message.ts";
import {
  createdId,
  createdWithId,
  listedTask,
  relatedWithId,
  taskWithId,
} from "../../protocol/translate/tasks.ts";
import { answered, ready, type Untimed } from "../answer.ts";
import { note, verdictOf } from "./asking.ts";
import type { Leg } from "./leg.ts";
import { undeclared } from "./pass.ts";
import { readQuestions, unanswerable } from "./rounds.ts";

/** Whether an answer may hold the id of a task, between two sides of one era. */
export function isAboutTask(leg: Leg, message: StrictBody, from: Era): boolean {
  if (from !== leg.incoming.era) return false;
  const result = member(message.value, "result");
  if (!isObject(result)) return false;
  if (leg.task !== undefined) return true;
  const { method, params } = leg.incoming.message;
  if (method !== "tools/call") return false;
  if (from === "legacy") return member(params, "task") !== undefined;
  return member(result, "resultType") === "task";
}

/** Throws what must not pass. */
export function passTask(leg: Leg, message: StrictBody, from: Era): void {
  const bytes = message.part("result");
  const result = member(message.value, "result");
  const { identity, message: request } = leg.incoming;
  const { tasks } = leg.ports;
  if (!isObject(result) || bytes === undefined)
    throw new Error("an answer about a task has a result");
  if (from === "modern") checkQuestions(leg, message);
  if (leg.task === undefined) {
    const nested = from === "legacy";
    const id = createdId(result, nested);
    if (id === undefined) {
      leg.end(answered(message, from));
      return;
    }
    const name = tasks.nameOf(identity.keyId, leg.item, id);
    const task = nested ? member(result, "task") : result;
    if (nested && isObject(task)) tasks.seen(identity.keyId, name, listedTask(task, name));
    const renamed = nested ? createdWithId(bytes, name) : taskWithId(bytes, name);
    leg.end(ready(message, from, [relatedWithId(renamed, name)]));
    return;
  }
  const { name } = leg.task;
  const flat = request.method === "tasks/get" || request.method === "tasks/cancel";
  if (flat && from === "legacy") tasks.seen(identity.keyId, name, listedTask(result, name));
  const renamed = flat ? taskWithId(bytes, name) : bytes;
  leg.end({ ...ready(message, from, [relatedWithId(renamed, name)]), ...outcomeOf(result) });
}

/** What tasks/get hands on of a server's questions is what a call would. */
function checkQuestions(leg: Leg, message: StrictBody): void {
  if (!message.members("result").some(({ key }) => key === "inputRequests")) return;
  for (const { method, params, bytes } of readQuestions(leg, message).requests) {
    const entry = note(leg, method, bytes);
    const verdict = verdictOf(leg, method, params);
    entry.end = verdict === "ask" ? "passed" : verdict;
    if (verdict === "undeclared") throw undeclared(method, member(params, "mode") === "url");
    if (verdict === "denied") throw unanswerable(leg, method, "the policy does not allow it");
  }
}

/** tasks/result answers as the call would have. */
function outcomeOf(result: JsonObject): Pick<Extract<Untimed, { kind: "result" }>, "outcome"> {
  return { outcome: member(result, "isError") === true ? "tool_error" : "ok" };
}
