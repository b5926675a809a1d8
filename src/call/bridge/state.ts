/**
 * requestState as modern clients get it: sealed, and bound to key, method and name, so that it fits
 * no other request, nobody else's (F14 to F16, F23).
 */

import { createHash } from "node:crypto";
import { isObject, type Json, type JsonObject, member } from "../../base/json.ts";
import { limits } from "../../base/limits.ts";
import type { Item } from "../../catalog/catalog.ts";
import type { Decision } from "../../policy/model.ts";
import { membersOf } from "../../protocol/strict-json.ts";
import type { Incoming } from "../incoming.ts";
import type { CallPorts } from "../ports.ts";
import type { Leg } from "./leg.ts";
import type { Parked } from "./parks.ts";

export type Opened =
  /** The call that waits for this very request. */
  | { readonly kind: "park"; readonly parked: Parked }
  /** A modern server's own state, as JSON text, and what was answered for the user. */
  | {
      readonly kind: "wrap";
      readonly server: Json | undefined;
      readonly state: string | undefined;
      readonly answered: JsonObject;
    }
  /** The call is made again, after its user did what its server wanted. */
  | { readonly kind: "again"; readonly server: Json | undefined }
  /** Forged, somebody else's, of another request, used, or too old: nobody learns which. */
  | { readonly kind: "bad" };

export interface Wrapped {
  readonly state: string | undefined;
  readonly answered: Readonly<Record<string, string>>;
}

/** Of a modern request; undefined: it has none. */
export function openState(incoming: Incoming, ports: CallPorts): Opened | undefined {
  const { message, identity } = incoming;
  const sealed = member(message.params, "requestState");
  if (sealed === undefined) return undefined;
  const text =
    typeof sealed === "string"
      ? ports.sealer.open("request-state", identity.keyId, sealed)
      : undefined;
  const payload: unknown = text === undefined ? undefined : JSON.parse(text);
  if (!isObject(payload) || !fits(payload, incoming)) return bad;
  const { kind } = payload;
  if (kind === "park") {
    const parked = ports.parks.find(String(payload["id"]));
    if (parked === undefined) return bad;
    return parked.fits(incoming, String(payload["args"])) ? { kind, parked } : bad;
  }
  if (Number(payload["until"]) < ports.clock.now()) return bad;
  if (kind === "again") {
    return payload["args"] === argsDigest(incoming) ? { kind, server: payload["server"] } : bad;
  }
  const { state, server, answered } = payload;
  return {
    ...{ kind: "wrap", server },
    state: typeof state === "string" ? state : undefined,
    answered: own(answered),
  };
}

/** Also one of another server, which had this name before a reload: it is not told of it. */
export function isBad(state: Opened | undefined, item: Item | undefined): boolean {
  if (state === undefined || state.kind === "park") return false;
  return state.kind === "bad" || state.server !== item?.server;
}

export function sealWrap(leg: Leg, { state, answered }: Wrapped): string {
  const until = leg.ports.clock.now() + limits.requestStateMs;
  return seal(leg, { kind: "wrap", state: state ?? null, answered, until });
}

export function sealAgain(leg: Leg): string {
  const until = leg.ports.clock.now() + limits.clientAnswerMs;
  return seal(leg, { kind: "again", args: argsDigest(leg.incoming), until });
}

export function sealPark(leg: Leg, id: string): string {
  return seal(leg, { kind: "park", id, args: argsDigest(leg.incoming) });
}

/** Of the arguments as they came, line ends as spaces (protocol/one-line.ts). */
export function argsDigest({ message }: Incoming): string {
  return createHash("sha256")
    .update(message.body.part("arguments", "params") ?? "")
    .digest("hex");
}

/** Bytes of each answer by its key; undefined when they are not all objects. */
export function responsesOf({ message }: Incoming): ReadonlyMap<string, Uint8Array> | undefined {
  const given = member(message.params, "inputResponses");
  const found = new Map<string, Uint8Array>();
  if (given === undefined) return found;
  const bytes = message.body.part("inputResponses", "params");
  if (!isObject(given) || bytes === undefined) return undefined;
  for (const { key, valueStart, end } of membersOf(bytes)) {
    if (bytes[valueStart] !== 0x7b) return undefined;
    found.set(key, bytes.subarray(valueStart, end));
  }
  return found;
}

/** No rule was asked: the request does not go on from anything. */
export const badState: Decision = {
  effect: "deny",
  code: undefined,
  rule: undefined,
  undecided: false,
  matched: [],
  hint: undefined,
};

const bad: Opened = { kind: "bad" };

function seal(leg: Leg, payload: JsonObject): string {
  const { identity, message } = leg.incoming;
  const bound = {
    ...{ ...payload, server: leg.item.server },
    ...{ method: message.method, name: nameOf(leg.incoming) },
  };
  return leg.ports.sealer.seal("request-state", identity.keyId, JSON.stringify(bound));
}

function fits(payload: JsonObject, incoming: Incoming): boolean {
  return payload["method"] === incoming.message.method && payload["name"] === nameOf(incoming);
}

function nameOf({ message: { params } }: Incoming): Json {
  return member(params, "name") ?? member(params, "uri") ?? null;
}

function own(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}
