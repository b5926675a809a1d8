/** From a request message to a tool call, or the fault of the message. */

import type { GatewayError } from "../base/errors.ts";
import { fault } from "../base/errors.ts";
import { isObject, type JsonObject, member } from "../base/json.ts";
import { no, ok, type Result } from "../base/result.ts";
import type { Catalog, Guess, Tool } from "../catalog/catalog.ts";
import { checkParamHeaders } from "../protocol/headers.ts";
import { toOneLine } from "../protocol/one-line.ts";
import type { Incoming } from "./incoming.ts";

export interface ToolCall {
  /** As the agent wrote it. */
  readonly exposed: string;
  /** undefined: no server offers it; such a call is refused with a receipt. */
  readonly tool: Tool | undefined;
  /** What an unknown name was meant to be: for the receipt and the error text. */
  readonly guess: Guess | undefined;
  readonly args: JsonObject;
  /** Byte span of the arguments in the body; undefined when absent, which means {} (P37). */
  readonly argsSpan: readonly [number, number] | undefined;
}

const noArgs: JsonObject = {};

export function parseCall(incoming: Incoming, catalog: Catalog): Result<ToolCall, GatewayError> {
  const { params, body } = incoming.message;
  const exposed = member(params, "name");
  if (typeof exposed !== "string" || exposed === "") {
    return no(fault("GW_PARAMS", { message: 'tools/call needs a string "name" in params' }));
  }
  const given = member(params, "arguments");
  if (given !== undefined && !isObject(given)) {
    return no(fault("GW_PARAMS", { message: '"arguments" of tools/call must be an object' }));
  }
  const args = given ?? noArgs;
  const tool = catalog.tool(exposed);
  if (tool !== undefined && incoming.era === "modern") {
    const mismatch = checkParamHeaders(args, tool.paramHeaders, incoming.header);
    if (mismatch !== undefined) {
      return no(fault("GW_HEADER_MISMATCH", { message: mismatch.message }));
    }
  }
  // Before anything is hashed or sent: what is decided, recorded and sent stays one and the same.
  if (tool?.lineFramed === true) toOneLine(body.bytes);
  const argsSpan = given === undefined ? undefined : body.span("arguments", "params");
  const guess = tool === undefined ? catalog.guess(exposed) : undefined;
  return ok({ exposed, tool, guess, args, argsSpan });
}
