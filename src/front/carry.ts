/** Hands one request to the call path and its answer to the runtime, for both eras. */

import { asFault, fault } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { RequestMessage } from "../protocol/message.ts";
import { accepted, plain, rpcError } from "./answers.ts";
import type { Answer, Caller, Door } from "./door.ts";
import {
  begin,
  type Carried,
  clientLeft,
  type Exchange,
  fail,
  openExchange,
  responseOf,
} from "./exchange.ts";
import type { Accepts } from "./media.ts";
import type { Session } from "./sessions.ts";
import { isBehind } from "./unread.ts";

/** `session`: of a legacy client. */
export function carry(
  door: Door,
  caller: Caller,
  message: RequestMessage,
  of: Carried,
  session?: Session,
): Answer {
  const wanted = wantedBy(caller);
  if (wanted === "none") return rpcError(plain("GW_ACCEPT"), message.idText);
  if (door.draining) return rpcError(plain("GW_DRAINING"), message.idText, again);
  if (isBehind(door.unread, caller.identity.keyId)) {
    return rpcError(plain("GW_CLIENT_SLOW"), message.idText, again);
  }
  // Whoever left before the call began takes it back before it began.
  if (session === undefined && caller.request.signal.aborted) return accepted();

  const exchange = openExchange(door, caller, message, wanted, session);
  if (session === undefined) cancelsByLeaving(exchange);
  try {
    begin(exchange, of);
  } catch (thrown) {
    fail(exchange, internal(door, thrown));
  }
  return caller.shared === undefined ? responseOf(exchange) : accepted();
}

/** On Deno the signal fires after each answer too; an exchange that is over does not mind. */
function cancelsByLeaving(exchange: Exchange): void {
  exchange.caller.request.signal.addEventListener("abort", () => clientLeft(exchange));
}

/** The forms in which this request's answer may come. */
export function wantedBy({ head, shared }: Caller): Accepts {
  return shared?.accepts ?? head.accepts;
}

/** What broke goes to the log; the client learns only that something did (O11). */
export function internal(door: Door, thrown: unknown) {
  const error = asFault(thrown, "A request failed inside the gateway");
  if (error.code !== "GW_INTERNAL") return error;
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  door.ports.error("A request failed inside the gateway", { cause: error.why, stack });
  return plain("GW_INTERNAL");
}

/** For what the front itself answers after waiting. */
export function caught(door: Door, answer: Promise<Response>, idText: string): Promise<Response> {
  return answer.catch((thrown) => rpcError(internal(door, thrown), idText));
}

/** Self-declared names go into receipts: one that is no short string is no name. */
export function clientOf(info: JsonObject | undefined): { name: string; version: string } {
  return { name: shortString(info, "name"), version: shortString(info, "version") };
}

function shortString(object: JsonObject | undefined, key: string): string {
  if (object === undefined || !Object.hasOwn(object, key)) return "";
  const value = object[key];
  return typeof value === "string" && value.length <= limits.clientNameLength ? value : "";
}

export function badParams(message: RequestMessage, what: string): Response {
  return rpcError(fault("GW_PARAMS", { message: what }), message.idText);
}

export const again = { "retry-after": "2" };
