/** POST /mcp: from a checked key to a strictly read, classified message, and on to its era. */

import type { ErrorCode } from "../base/errors.ts";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { classify, type RpcProblem } from "../protocol/era.ts";
import { checkMirrors } from "../protocol/headers.ts";
import { readMessage } from "../protocol/json-rpc.ts";
import type { Message } from "../protocol/message.ts";
import { readStrict } from "../protocol/strict-json.ts";
import { eraOf } from "../protocol/versions.ts";
import { admit } from "./admit.ts";
import { json, plain, problemText, rpcError } from "./answers.ts";
import { readBody } from "./body.ts";
import { internal } from "./carry.ts";
import type { Answer, Caller, Door } from "./door.ts";
import { answerLegacy } from "./legacy.ts";
import { isJson } from "./media.ts";
import { isServerOnly } from "./methods.ts";
import { answerModern } from "./modern.ts";
import { offEra } from "./pin.ts";

export function post(door: Door, caller: Caller): Answer {
  const { headers } = caller.request;
  if (!isJson(headers.get("content-type"))) return rpcError(plain("GW_CONTENT_TYPE"));
  // A compressed body would hide from every check what it carries (P10).
  if (headers.get("content-encoding") !== null) return rpcError(plain("GW_CONTENT_TYPE"));
  const { clock, limits: most } = door.ports;
  return readBody(caller.request, most.bodyBytes, clock, door.bodies).then(
    (body) => guarded(door, caller, body),
    // The client went away within its body, or the runtime cut it for its size: it sees neither.
    () => rpcError(plain("GW_BODY_TOO_LARGE")),
  );
}

function guarded(door: Door, caller: Caller, body: Uint8Array | "large" | "slow"): Answer {
  if (body === "large") return rpcError(plain("GW_BODY_TOO_LARGE"));
  // The rest of the body is not read: the connection is of no more use.
  if (body === "slow") return rpcError(plain("GW_BODY_SLOW"), undefined, { connection: "close" });
  try {
    return answer(door, caller, body);
  } catch (thrown) {
    return rpcError(internal(door, thrown));
  }
}

function answer(door: Door, caller: Caller, bytes: Uint8Array): Answer {
  // F11: the body may have taken its time, and the key may be no more.
  const identity = admit(door, caller.request);
  if (identity instanceof Response) return identity;
  const { jsonDepth: depth, jsonValues: values } = door.ports.limits;
  const body = readStrict(bytes, { depth, values, keyBytes: limits.jsonKeyBytes });
  // A batch is well formed JSON, so it gets the code of a wrong message (F19).
  if (!body.ok) {
    const { root, code, message } = body.error;
    return refuse(root === undefined ? code : "GW_MESSAGE", message);
  }
  const read = readMessage(body.value, { idBytes: limits.idBytes });
  if (!read.ok) return refuse(read.error.code, read.error.message, read.error.idText);
  const message = read.value;
  const { headers } = caller.request;
  const rejected = rejectKind(message, headers.get("mcp-protocol-version"));
  if (rejected !== undefined) return refuse("GW_MESSAGE", rejected);
  const era = classify({ message, versionHeader: headers.get("mcp-protocol-version") });
  if (!era.ok) return refuseProblem(era.error, message);
  const pinned = offEra(door.ports.protocol, message, era.value);
  if (pinned !== undefined) return refuseProblem(pinned, message);
  const { request, peer } = caller;
  const posted = { identity, request, peer, message, protocol: era.value.protocol };
  if (era.value.era === "legacy") return answerLegacy(door, posted);
  const mirrors = checkMirrors({ message, headers });
  if (mirrors !== undefined) return refuseProblem(mirrors, message);
  return answerModern(door, posted);
}

/** F20: modern clients are asked nothing, and none speaks for servers. */
function rejectKind(message: Message, version: string | null): string | undefined {
  if (message.kind === "response" && version !== null && eraOf(version) === "modern") {
    return "A response answers no request of this gateway";
  }
  if (message.kind === "notification" && isServerOnly(message.method)) {
    return `Clients do not send "${message.method}"`;
  }
  return undefined;
}

function refuse(code: ErrorCode, message: string, idText?: string): Response {
  return rpcError(fault(code, { message }), idText);
}

function refuseProblem(problem: RpcProblem, message: Message): Response {
  const idText = message.kind === "request" ? message.idText : undefined;
  return json(problem.http, problemText(problem, idText));
}
