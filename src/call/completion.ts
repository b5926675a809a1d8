/** completion/complete: decided as the prompt or resource template that it is about. */

import type { GatewayError } from "../base/errors.ts";
import { fault } from "../base/errors.ts";
import { isObject, type JsonObject, member } from "../base/json.ts";
import type { Item } from "../catalog/catalog.ts";
import { refNamed } from "../protocol/translate/completion.ts";
import type { Replaced } from "../protocol/translate/params.ts";
import { makeCall } from "./call.ts";
import type { Incoming } from "./incoming.ts";
import type { Decided, DecidedCall, Method } from "./method.ts";
import { framed } from "./parse.ts";
import type { CallPorts } from "./ports.ts";

const complete: Decided = {
  covers: ["ref", "argument"],
  unnamed: true,
  parse: parseCompletion,
};

export const completionMethods: readonly (readonly [string, Method])[] = [
  [
    "completion/complete",
    {
      eras: ["legacy", "modern"],
      run: (incoming, reply, ports) => makeCall(incoming, reply, ports, complete),
    },
  ],
];

function parseCompletion(incoming: Incoming, { catalog }: CallPorts): DecidedCall | GatewayError {
  const { params, body } = incoming.message;
  const ref = member(params, "ref");
  const about = isObject(ref) ? target(ref) : undefined;
  if (about === undefined) {
    return fault("GW_PARAMS", { message: "completion/complete needs a ref of a known type" });
  }
  const argument = member(params, "argument");
  if (!isObject(argument) || typeof member(argument, "name") !== "string") {
    return fault("GW_PARAMS", { message: "completion/complete needs an argument with a name" });
  }
  const { exposed } = about;
  const item = about.prompt ? catalog.prompt(exposed) : catalog.resource(exposed);
  framed(incoming, item);
  const guess = item === undefined && about.prompt ? catalog.guess(exposed, "prompt") : undefined;
  const args = about.prompt ? promptArgs(params, argument) : { uri: exposed };
  const call = { method: complete, exposed, item, guess, args };
  return {
    ...call,
    argsBytes: body.part("argument", "params"),
    replaced: named(incoming, item),
    task: undefined,
  };
}

function target(ref: JsonObject): { prompt: boolean; exposed: string } | undefined {
  const type = member(ref, "type");
  const exposed = member(ref, type === "ref/prompt" ? "name" : "uri");
  if (type !== "ref/prompt" && type !== "ref/resource") return undefined;
  return typeof exposed === "string" ? { prompt: type === "ref/prompt", exposed } : undefined;
}

/** What the prompt would get: what was filled in before, and what is being typed. */
function promptArgs(params: JsonObject, argument: JsonObject): JsonObject {
  const context = member(params, "context");
  const before = isObject(context) ? member(context, "arguments") : undefined;
  const value = member(argument, "value");
  const typed = { [String(member(argument, "name"))]: value ?? "" };
  return isObject(before) ? { ...before, ...typed } : typed;
}

function named({ message }: Incoming, item: Item | undefined): Replaced | undefined {
  const ref = message.body.part("ref", "params");
  if (ref === undefined || item?.kind !== "prompt") return undefined;
  return { key: "ref", text: refNamed(ref, item.name) };
}
