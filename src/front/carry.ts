/** Hands one request to the call path and its answer to the runtime, for both eras. */

import { asFault, fault } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Incoming, WatchedResources } from "../call/incoming.ts";
import type { ClientCapabilities } from "../protocol/capabilities.ts";
import type { Era, RequestMessage } from "../protocol/message.ts";
import { accepted, plain, rpcError } from "./answers.ts";
import type { Answer, Caller, Door } from "./door.ts";
import { begun, clientLeft, fail, openExchange, replyOf, responseOf } from "./exchange.ts";
import { type Accepts, accepts } from "./media.ts";
import type { Session } from "./sessions.ts";
import { isBehind } from "./unread.ts";

/** What the era knows of a request beyond the message. */
export interface Carried {
  readonly era: Era;
  readonly protocol: string;
  readonly client: { readonly name: string; readonly version: string };
  readonly capabilities: ClientCapabilities;
  readonly logLevel: string | undefined;
  readonly watched: WatchedResources | undefined;
  /** Of a legacy client. */
  readonly session: Session | undefined;
}

export function carry(door: Door, caller: Caller, message: RequestMessage, of: Carried): Answer {
  const { identity, request, peer } = caller;
  const { clock } = door.ports;
  const { headers } = request;
  const wanted = wantedBy(caller);
  if (wanted === "none") return rpcError(plain("GW_ACCEPT"), message.idText);
  if (door.draining) return rpcError(plain("GW_DRAINING"), message.idText, again);
  if (isBehind(door.unread, identity.keyId)) {
    return rpcError(plain("GW_CLIENT_SLOW"), message.idText, again);
  }
  const modern = of.era === "modern";
  // Whoever left before the call began takes it back before it began.
  if (modern && request.signal.aborted) return accepted();

  const exchange = openExchange({
    clock,
    peer,
    keyId: identity.keyId,
    id: message.id,
    idText: message.idText,
    accepts: wanted,
    session: of.session,
    outlet: caller.shared?.outlet,
    random: door.ports.random,
    open: door.exchanges,
    unread: door.unread,
  });
  // On Deno the signal fires after each answer too; an exchange that is over does not mind.
  if (modern) request.signal.addEventListener("abort", () => clientLeft(exchange));
  try {
    const incoming: Incoming = {
      identity,
      era: of.era,
      protocol: of.protocol,
      message,
      transport: peer.transport ?? "http",
      client: of.client,
      capabilities: of.capabilities,
      logLevel: of.logLevel,
      watched: of.watched,
      session: of.session?.digest ?? "",
      arrived: exchange.began,
      header: (name) => headers.get(name),
    };
    begun(exchange, door.ports.handle(incoming, replyOf(exchange)));
  } catch (thrown) {
    fail(exchange, internal(door, thrown));
  }
  return caller.shared === undefined ? responseOf(exchange) : accepted();
}

/** The forms in which this request's answer may come. */
export function wantedBy({ request, shared }: Caller): Accepts {
  return shared?.accepts ?? accepts(request.headers.get("accept"));
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
