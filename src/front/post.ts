/** POST /mcp: from a checked key to a strictly read, classified message, and on to its era. */

import { fault } from "../base/errors.ts";
import { classify, type RpcProblem } from "../protocol/era.ts";
import { checkMirrors } from "../protocol/headers.ts";
import type { Message } from "../protocol/message.ts";
import { admit } from "./admit.ts";
import { json, plain, problemText, rpcError } from "./answers.ts";
import { answerBatch } from "./batch.ts";
import { type Body, readBody, whenRead } from "./body.ts";
import { internal } from "./carry.ts";
import type { Answer, Caller, Door } from "./door.ts";
import { bodyTooLarge } from "./full.ts";
import { answerLegacy } from "./legacy.ts";
import { answerModern } from "./modern.ts";
import { offEra, withSpoken } from "./pin.ts";
import { fulfil, promiseOf } from "./promised.ts";
import { readOne } from "./read-one.ts";
import { noted } from "./refused.ts";

export type Use = (door: Door, caller: Caller, bytes: Uint8Array) => Answer;

export function post(door: Door, caller: Caller, use: Use): Answer {
  if (!caller.head.isJson) return rpcError(plain("GW_CONTENT_TYPE"));
  const body = readBody(caller.request, caller.peer, door.ports.limits.bodyBytes);
  if (body instanceof Promise) return wait(door, caller, body, use);
  return answered(door, caller, body, use);
}

function wait(door: Door, caller: Caller, body: Promise<Body>, use: Use): Answer {
  const { clock, limits } = door.ports;
  const answer = promiseOf(caller);
  whenRead(body, limits.bodyBytes, clock, door.bodies, (read) => {
    fulfil(caller, noted(door, caller, afterWait(door, caller, read, use)));
  });
  return answer;
}

/** F11: the key may be no more by now. What breaks here nobody else catches. */
function afterWait(door: Door, caller: Caller, body: Body, use: Use): Answer {
  try {
    if (typeof body !== "string") {
      const identity = admit(door, caller);
      if (identity instanceof Response) return identity;
      caller.identity = identity;
    }
    return answered(door, caller, body, use);
  } catch (thrown) {
    return rpcError(internal(door, thrown));
  }
}

function answered(door: Door, caller: Caller, body: Body, use: Use): Answer {
  // Nobody sees an answer to what is gone.
  if (body === "large" || body === "gone") {
    return rpcError(bodyTooLarge(door.ports.limits.bodyBytes));
  }
  // The rest of the body is not read: the connection is of no more use.
  if (body === "slow") return rpcError(plain("GW_BODY_SLOW"), undefined, { connection: "close" });
  return use(door, caller, body);
}

/** POST /mcp, its body read. */
export function answerPosted(door: Door, caller: Caller, bytes: Uint8Array): Answer {
  const { version } = caller.head;
  const message = readOne(door, bytes, version);
  if (message.kind === "refused") {
    if (message.array === true) return answerBatch(door, caller, bytes);
    return rpcError(fault(message.code, { message: message.message }), message.idText);
  }
  const era = classify(message, version);
  if (!era.ok) return refuseProblem(withSpoken(door.ports.protocol, message, era.error), message);
  const pinned = offEra(door.ports.protocol, message, era.value);
  if (pinned !== undefined) return refuseProblem(pinned, message);
  if (era.value.era === "legacy") return answerLegacy(door, caller, message);
  const mirrors = checkMirrors({ message, headers: caller.request.headers });
  if (mirrors !== undefined) return refuseProblem(mirrors, message);
  return answerModern(door, caller, message, era.value.protocol);
}

function refuseProblem(problem: RpcProblem, message: Message): Response {
  const idText = message.kind === "request" ? message.idText : undefined;
  return json(problem.http, problemText(problem, idText));
}
