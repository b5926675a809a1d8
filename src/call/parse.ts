/** From a request message to a decided call, or the fault of the message. */

import type { BriefObject } from "../base/brief.ts";
import type { GatewayError } from "../base/errors.ts";
import { fault } from "../base/errors.ts";
import { isObject, type JsonObject, member } from "../base/json.ts";
import type { Item } from "../catalog/catalog.ts";
import { checkParamHeaders } from "../protocol/headers.ts";
import { toOneLine } from "../protocol/one-line.ts";
import type { Incoming } from "./incoming.ts";
import type { Decided, DecidedCall } from "./method.ts";
import type { CallPorts } from "./ports.ts";

export const toolCall: Decided = { covers: ["name", "arguments"], parse: parseToolCall };

function parseToolCall(incoming: Incoming, { catalog }: CallPorts): DecidedCall | GatewayError {
  const bad = misnamed(incoming);
  if (bad !== undefined) return bad;
  const exposed = nameIn(incoming);
  const tool = catalog.tool(exposed);
  const mirrors = incoming.era === "modern" && incoming.transport === "http";
  if (mirrors && tool !== undefined && tool.paramHeaders.length > 0) {
    const mismatch = checkParamHeaders(wholeArgs(incoming), tool.paramHeaders, incoming);
    if (mismatch !== undefined) return fault("GW_HEADER_MISMATCH", { message: mismatch.message });
  }
  const guess = tool === undefined ? catalog.guess(exposed) : undefined;
  return namedCall(toolCall, incoming, tool, guess);
}

/** Of a method whose params are `name` and `arguments`, which are not `misnamed`. */
export function namedCall(
  method: Decided,
  incoming: Incoming,
  item: Item | undefined,
  guess: DecidedCall["guess"],
): DecidedCall {
  framed(incoming, item);
  return {
    method,
    exposed: nameIn(incoming),
    item,
    guess,
    args: argsIn(incoming),
    argsBytes: incoming.message.body.part("arguments", "params"),
    replaced: undefined,
    task: undefined,
  };
}

/** What is wrong with `name` and `arguments`, as tools/call and prompts/get have them. */
export function misnamed({ message }: Incoming): GatewayError | undefined {
  const { params, method } = message;
  const exposed = member(params, "name");
  if (typeof exposed !== "string" || exposed === "") {
    return fault("GW_PARAMS", { message: `${method} needs a string "name" in params` });
  }
  const given = message.body.brief ?? member(params, "arguments");
  if (given === undefined || isObject(given)) return undefined;
  return fault("GW_PARAMS", { message: `"arguments" of ${method} must be an object` });
}

export function nameIn({ message }: Incoming): string {
  return member(message.params, "name") as string;
}

/** With all their texts, which policy does without. */
export function wholeArgs({ message }: Incoming): JsonObject {
  return (member(message.params, "arguments") as JsonObject | undefined) ?? noArgs;
}

function argsIn(incoming: Incoming): BriefObject {
  return incoming.message.body.brief ?? wholeArgs(incoming);
}

/** Before anything is hashed or sent: what is decided, recorded and sent is one and the same. */
export function framed({ message }: Incoming, item: Item | undefined): void {
  if (item?.lineFramed === true) toOneLine(message.body.bytes);
}

const noArgs: JsonObject = {};
