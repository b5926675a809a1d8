/** Revisions to 2025-11-25: initialize, sessions, notifications (basic/lifecycle, transports). */

import { isObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { readCapabilities } from "../protocol/capabilities.ts";
import { isLogLevel } from "../protocol/era.ts";
import type { NotificationMessage, RequestMessage, ResponseMessage } from "../protocol/message.ts";
import { initializeResult } from "../protocol/translate/initialize.ts";
import { negotiate } from "../protocol/versions.ts";
import { refusedNow } from "./admit.ts";
import { accepted, answerText, plain, rpcError } from "./answers.ts";
import { again, badParams, carry, caught, clientOf, internal } from "./carry.ts";
import type { Answer, Caller, Door, Posted } from "./door.ts";
import { stateOf } from "./end-session.ts";
import { cancel } from "./exchange.ts";
import { isList } from "./list-changes.ts";
import { accepts } from "./media.ts";
import { answerQuestion } from "./questions.ts";
import { patches } from "./session-id.ts";
import type { Session } from "./sessions.ts";
import { type Found, findSession } from "./take-up.ts";

export function answerLegacy(door: Door, posted: Posted): Answer {
  const { message } = posted;
  if (message.kind === "request" && message.method === "initialize") {
    return caught(door, initialize(door, posted, message), message.idText);
  }
  const idText = message.kind === "request" ? message.idText : undefined;
  return withSession(door, posted, idText, (session) => {
    if (message.kind === "request") return call(door, posted, session, message);
    if (message.kind === "notification") return notified(session, message);
    return answered(session, message);
  });
}

/** F20: an answer reaches the one question it was asked, or nobody. */
function answered(session: Session, message: ResponseMessage): Response {
  if (answerQuestion(session.questions, message) !== "unknown") return accepted();
  return rpcError(plain("GW_MESSAGE", "a response answers no open request of this session"));
}

/** The caller's session, or the refusal: 400 without an id, 404 for one that is not this key's. */
export function withSession(
  door: Door,
  caller: Caller,
  idText: string | undefined,
  use: (session: Session) => Answer,
): Answer {
  const id = caller.request.headers.get("mcp-session-id");
  if (id === null) return rpcError(plain("GW_SESSION_MISSING"), idText);
  const take = (found: Found) => {
    if (typeof found === "object") return use(found);
    if (found === "full") return rpcError(plain("GW_SESSIONS_FULL"), idText, again);
    // Two headers arrive joined by a comma, which no id of ours has (L11).
    const twice = id.includes(",") ? "Mcp-Session-Id was sent twice" : undefined;
    return rpcError(
      twice === undefined ? plain("GW_SESSION_UNKNOWN") : plain("GW_HEADER", twice),
      idText,
    );
  };
  const found = findSession(door, caller.identity, id);
  if (!(found instanceof Promise)) return take(found);
  const answer = found.then((session) => refusedNow(door, caller) ?? take(session));
  return answer.catch((thrown) => rpcError(internal(door, thrown), idText));
}

function call(door: Door, caller: Caller, session: Session, message: RequestMessage): Answer {
  const { protocol, client, capabilities, logLevel, watched } = session;
  if (session.calls.has(message.id)) return rpcError(plain("GW_ID_IN_FLIGHT"), message.idText);
  if (message.method === "logging/setLevel") return setLevel(door, caller, session, message);
  const known = { protocol, client, capabilities, logLevel, watched, session };
  const of = { era: "legacy", ...known } as const;
  const { method } = message;
  if (!isList(method)) return carry(door, caller, message, of);
  // Taken before the list is made: should it change in between, the client hears of it once more.
  const listed = door.ports.visibleHash(caller.identity, method).then((hash) => {
    const refused = refusedNow(door, caller);
    if (refused !== undefined) return refused;
    session.seen.set(method, hash);
    return carry(door, caller, message, of);
  });
  return caught(door, listed, message.idText);
}

/** Of the whole session: what its later requests are told. */
function setLevel(door: Door, caller: Caller, session: Session, message: RequestMessage): Response {
  const wanted = accepts(caller.request.headers.get("accept"));
  if (wanted === "none") return rpcError(plain("GW_ACCEPT"), message.idText);
  const level = member(message.params, "level");
  if (!isLogLevel(level)) return badParams(message, "logging/setLevel needs one of MCP's levels");
  session.logLevel = level;
  door.ports.sessionStates.write({ ...stateOf(session), patch: patches.logLevel(level) });
  return answerText(wanted, message.idText, "{}");
}

async function initialize(door: Door, posted: Posted, message: RequestMessage): Promise<Response> {
  const { identity, request } = posted;
  const wanted = accepts(request.headers.get("accept"));
  if (wanted === "none") return rpcError(plain("GW_ACCEPT"), message.idText);
  if (door.draining) return rpcError(plain("GW_DRAINING"), message.idText, again);
  const asked = member(message.params, "protocolVersion");
  const capabilities = member(message.params, "capabilities");
  const info = member(message.params, "clientInfo");
  if (typeof asked !== "string") return badParams(message, "initialize needs a protocolVersion");
  if (!isObject(capabilities)) return badParams(message, "initialize needs a capabilities object");
  if (!isObject(info)) return badParams(message, "initialize needs a clientInfo object");
  // They stay in memory as long as the session does (R6).
  const span = message.body.span("capabilities", "params");
  if (span !== undefined && span[1] - span[0] > limits.sessionCapabilityBytes) {
    return badParams(message, `capabilities are over ${limits.sessionCapabilityBytes} bytes`);
  }

  const hello = await door.ports.hello(identity, "legacy");
  const refused = refusedNow(door, posted);
  if (refused !== undefined) return refused;
  const protocol = negotiate(asked);
  const begin = {
    ...{ identity, protocol, client: clientOf(info) },
    capabilities: readCapabilities(capabilities),
  };
  const session = door.sessions.open(begin);
  if (session === undefined) return rpcError(plain("GW_SESSIONS_FULL"), message.idText, again);
  const result = initializeResult(hello, protocol);
  return answerText(wanted, message.idText, result, { "mcp-session-id": session.id });
}

/** notifications/cancelled stops the call it names; the others tell us nothing that we use. */
function notified(session: Session, message: NotificationMessage): Response {
  if (message.method === "notifications/cancelled") {
    const id = member(message.params, "requestId");
    if (typeof id === "string" || typeof id === "number") {
      const exchange = session.calls.get(id);
      if (exchange !== undefined) cancel(exchange, "the client cancelled the request");
    }
  }
  return accepted();
}
