/** 2026-07-28: every request stands alone; what it needs to say is in its _meta. */

import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { readCapabilities } from "../protocol/capabilities.ts";
import type { Message, RequestMessage } from "../protocol/message.ts";
import { discoverResult } from "../protocol/translate/discover.ts";
import { modernRevision } from "../protocol/versions.ts";
import { refusedNow } from "./admit.ts";
import { accepted, answerText, plain, rpcError } from "./answers.ts";
import { carry, caught, clientOf } from "./carry.ts";
import type { Answer, Caller, Door } from "./door.ts";
import { listen } from "./listen.ts";
import { isRemoved } from "./methods.ts";

const prefix = "io.modelcontextprotocol";

/** `protocol`: the revision of this request. */
export function answerModern(
  door: Door,
  caller: Caller,
  message: Message,
  protocol = modernRevision,
): Answer {
  // Only stdio clients cancel by notification; here they close the response.
  if (message.kind !== "request") return accepted();
  if (isRemoved(message.method)) return rpcError(plain("GW_METHOD"), message.idText);
  const own = answers.get(message.method);
  if (own !== undefined) return caught(door, own(door, caller, message), message.idText);
  const meta = objectIn(message.params, "_meta");
  return carry(door, caller, message, {
    era: "modern",
    protocol,
    client: clientOf(objectIn(meta, `${prefix}/clientInfo`)),
    capabilities: readCapabilities(objectIn(meta, `${prefix}/clientCapabilities`) ?? {}),
    logLevel: textIn(meta, `${prefix}/logLevel`),
    watched: undefined,
  });
}

/** 1.5: what initialize told, without a session. */
async function discover(door: Door, caller: Caller, message: RequestMessage): Promise<Response> {
  const wanted = caller.head.accepts;
  if (wanted === "none") return rpcError(plain("GW_ACCEPT"), message.idText);
  const hello = await door.ports.hello(caller.identity, "modern");
  const refused = refusedNow(door, caller);
  if (refused !== undefined) return refused;
  const result = discoverResult(hello);
  return answerText(wanted, message.idText, result);
}

/** Methods that the front answers itself. */
const answers: ReadonlyMap<string, typeof discover> = new Map([
  ["server/discover", discover],
  ["subscriptions/listen", listen],
]);

function textIn(object: JsonObject | undefined, key: string): string | undefined {
  const value = object === undefined ? undefined : member(object, key);
  return typeof value === "string" ? value : undefined;
}

function objectIn(object: JsonObject | undefined, key: string): JsonObject | undefined {
  const value: Json | undefined = object === undefined ? undefined : member(object, key);
  return isObject(value) ? value : undefined;
}
