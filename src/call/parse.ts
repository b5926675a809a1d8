/** From a request message to a decided call, or the fault of the message. */

import type { GatewayError } from "../base/errors.ts";
import { fault } from "../base/errors.ts";
import { isObject, type JsonObject, member } from "../base/json.ts";
import { no, ok, type Result } from "../base/result.ts";
import type { Item } from "../catalog/catalog.ts";
import { checkParamHeaders } from "../protocol/headers.ts";
import { toOneLine } from "../protocol/one-line.ts";
import type { Incoming } from "./incoming.ts";
import type { Decided, DecidedCall } from "./method.ts";
import type { CallPorts } from "./ports.ts";

export const toolCall: Decided = { covers: ["name", "arguments"], parse: parseToolCall };

function parseToolCall(
  incoming: Incoming,
  { catalog }: CallPorts,
): Result<DecidedCall, GatewayError> {
  const named = readNamed(incoming);
  if (!named.ok) return named;
  const { exposed, args } = named.value;
  const tool = catalog.tool(exposed);
  if (tool !== undefined && incoming.era === "modern" && incoming.transport === "http") {
    const mismatch = checkParamHeaders(args, tool.paramHeaders, (name) => incoming.header(name));
    if (mismatch !== undefined) {
      return no(fault("GW_HEADER_MISMATCH", { message: mismatch.message }));
    }
  }
  const guess = tool === undefined ? catalog.guess(exposed) : undefined;
  return ok(namedCall(toolCall, incoming, named.value, tool, guess));
}

/** Of a method whose params are `name` and `arguments`. */
export function namedCall(
  method: Decided,
  incoming: Incoming,
  { exposed, args, given }: Named,
  item: Item | undefined,
  guess: DecidedCall["guess"],
): DecidedCall {
  framed(incoming, item);
  const argsSpan = given ? incoming.message.body.span("arguments", "params") : undefined;
  return { method, exposed, item, guess, args, argsSpan, replaced: undefined, task: undefined };
}

export interface Named {
  readonly exposed: string;
  readonly args: JsonObject;
  /** Whether there were arguments at all. */
  readonly given: boolean;
}

/** `name` and `arguments`, as tools/call and prompts/get have them. */
export function readNamed({ message }: Incoming): Result<Named, GatewayError> {
  const { params, method } = message;
  const exposed = member(params, "name");
  if (typeof exposed !== "string" || exposed === "") {
    return no(fault("GW_PARAMS", { message: `${method} needs a string "name" in params` }));
  }
  const given = member(params, "arguments");
  if (given !== undefined && !isObject(given)) {
    return no(fault("GW_PARAMS", { message: `"arguments" of ${method} must be an object` }));
  }
  return ok({ exposed, args: given ?? noArgs, given: given !== undefined });
}

/** Before anything is hashed or sent: what is decided, recorded and sent is one and the same. */
export function framed({ message }: Incoming, item: Item | undefined): void {
  if (item?.lineFramed === true) toOneLine(message.body.bytes);
}

const noArgs: JsonObject = {};
