/** Revisions to 2025-11-25: initialize, sessions, notifications (basic/lifecycle, transports). */

import { fault, type GatewayError } from "../base/errors.ts";
import { isObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { readCapabilities } from "../protocol/capabilities.ts";
import { isLogLevel } from "../protocol/era.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type {
  Message,
  NotificationMessage,
  RequestMessage,
  ResponseMessage,
} from "../protocol/message.ts";
import { initializeResult } from "../protocol/translate/initialize.ts";
import { negotiate } from "../protocol/versions.ts";
import { refusedNow } from "./admit.ts";
import { accepted, answerText, plain, rpcError } from "./answers.ts";
import { again, badParams, carry, caught, clientOf, internal, wantedBy } from "./carry.ts";
import type { Answer, Caller, Door } from "./door.ts";
import { keepChange } from "./end-session.ts";
import { cancel } from "./exchange.ts";
import { keyFull } from "./full.ts";
import { isList } from "./list-changes.ts";
import { answerQuestion } from "./questions.ts";
import { patches } from "./session-id.ts";
import type { NewSession, Session } from "./sessions.ts";
import { type Found, findSession } from "./take-up.ts";

export function answerLegacy(door: Door, caller: Caller, message: Message): Answer {
  if (message.kind === "request" && message.method === "initialize") {
    return caught(door, initialize(door, caller, message), message.idText);
  }
  const { sessionId: id } = caller.head;
  const live = id === null ? undefined : door.sessions.find(caller.identity, id);
  return live === undefined
    ? serveOther(door, caller, message)
    : serve(door, caller, live, message);
}

/** Of its own: what a call of a live session does not need costs it nothing. */
function serveOther(door: Door, caller: Caller, message: Message): Answer {
  const idText = message.kind === "request" ? message.idText : undefined;
  return withSession(door, caller, idText, (session) => serve(door, caller, session, message));
}

function serve(door: Door, caller: Caller, session: Session, message: Message): Answer {
  if (message.kind === "request") return call(door, caller, session, message);
  return told(session, message);
}

/** What the session is told, and needs no answer. */
export function told(session: Session, message: NotificationMessage | ResponseMessage): Response {
  return message.kind === "notification" ? notified(session, message) : answered(session, message);
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
  const { sessionId: id } = caller.head;
  if (id === null) return rpcError(plain("GW_SESSION_MISSING"), idText);
  const take = (found: Found) => {
    if (typeof found === "object") return use(found);
    if (found === "full") return rpcError(keyFull("sessions"), idText, again);
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

export function call(
  door: Door,
  caller: Caller,
  session: Session,
  message: RequestMessage,
): Answer {
  if (session.calls.has(message.id)) return rpcError(plain("GW_ID_IN_FLIGHT"), message.idText);
  if (message.method === "logging/setLevel") return setLevel(door, caller, session, message);
  const { method } = message;
  if (!isList(method)) return carry(door, caller, message, session, session);
  return list(door, caller, session, message, method);
}

function list(
  door: Door,
  caller: Caller,
  session: Session,
  message: RequestMessage,
  method: ListMethod,
): Answer {
  // Taken before the list is made: should it change in between, the client hears of it once more.
  const listed = door.ports.visibleHash(caller.identity, method).then((hash) => {
    const refused = refusedNow(door, caller);
    if (refused !== undefined) return refused;
    if (session.calls.has(message.id)) return rpcError(plain("GW_ID_IN_FLIGHT"), message.idText);
    session.seen.set(method, hash);
    return carry(door, caller, message, session, session);
  });
  return caught(door, listed, message.idText);
}

/** Of the whole session: what its later requests are told. */
function setLevel(door: Door, caller: Caller, session: Session, message: RequestMessage): Response {
  const wanted = wantedBy(caller);
  if (wanted === "none") return rpcError(plain("GW_ACCEPT"), message.idText);
  const level = member(message.params, "level");
  if (!isLogLevel(level)) return badParams(message, "logging/setLevel needs one of MCP's levels");
  session.logLevel = level;
  keepChange(door, session, patches.logLevel(level));
  return answerText(wanted, message.idText, "{}");
}

async function initialize(door: Door, caller: Caller, message: RequestMessage): Promise<Response> {
  const wanted = wantedBy(caller);
  if (wanted === "none") return rpcError(plain("GW_ACCEPT"), message.idText);
  if (door.draining) return rpcError(plain("GW_DRAINING"), message.idText, again);
  const begun = await begin(door, caller, message);
  if ("response" in begun) return begun.response;
  if ("error" in begun) {
    return rpcError(begun.error, message.idText, begun.error.spec.http === 503 ? again : {});
  }
  return answerText(wanted, message.idText, begun.result, {
    "mcp-session-id": begun.session.id,
  });
}

/** A session and the text of what initialize answers, or why there is none. */
export type Begun =
  | { readonly session: Session; readonly result: string }
  | { readonly error: GatewayError; readonly response?: Response };

/** `bound`: of a session that lives and dies with one stream. */
export async function begin(
  door: Door,
  caller: Caller,
  message: RequestMessage,
  bound?: NewSession["bound"],
): Promise<Begun> {
  const read = readHello(message);
  if (typeof read === "string") return { error: fault("GW_PARAMS", { message: read }) };
  const { identity } = caller;
  const hello = await door.ports.hello(identity, "legacy");
  const response = refusedNow(door, caller);
  if (response !== undefined) return { error: plain("GW_KEY_REVOKED"), response };
  const session = door.sessions.open({ identity, bound, ...read });
  if (session === undefined) return { error: keyFull("sessions") };
  return { session, result: initializeResult(hello, read.protocol) };
}

/** Or what is wrong with it. */
function readHello({ params, body }: RequestMessage) {
  const asked = member(params, "protocolVersion");
  const capabilities = member(params, "capabilities");
  const info = member(params, "clientInfo");
  if (typeof asked !== "string") return "initialize needs a protocolVersion";
  if (!isObject(capabilities)) return "initialize needs a capabilities object";
  if (!isObject(info)) return "initialize needs a clientInfo object";
  // They stay in memory as long as the session does (R6).
  const span = body.span("capabilities", "params");
  if (span !== undefined && span[1] - span[0] > limits.sessionCapabilityBytes) {
    return `capabilities are over ${limits.sessionCapabilityBytes} bytes`;
  }
  const known = readCapabilities(capabilities);
  return { protocol: negotiate(asked), client: clientOf(info), capabilities: known };
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
