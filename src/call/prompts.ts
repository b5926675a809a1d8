/** prompts/get: decided like a call, by its arguments. */

import type { GatewayError } from "../base/errors.ts";
import { ok, type Result } from "../base/result.ts";
import { makeCall } from "./call.ts";
import type { Incoming } from "./incoming.ts";
import type { Decided, DecidedCall, Method } from "./method.ts";
import { framed, readNamed } from "./parse.ts";
import type { CallPorts } from "./ports.ts";

const promptGet: Decided = { covers: ["name", "arguments"], parse: parsePrompt };

export const promptMethods: readonly (readonly [string, Method])[] = [
  [
    "prompts/get",
    {
      eras: ["legacy", "modern"],
      run: (incoming, reply, ports) => makeCall(incoming, reply, ports, promptGet),
    },
  ],
];

function parsePrompt(
  incoming: Incoming,
  { catalog }: CallPorts,
): Result<DecidedCall, GatewayError> {
  const named = readNamed(incoming);
  if (!named.ok) return named;
  const { exposed, args, given } = named.value;
  const item = catalog.prompt(exposed);
  framed(incoming, item);
  const argsSpan = given ? incoming.message.body.span("arguments", "params") : undefined;
  const guess = item === undefined ? catalog.guess(exposed, "prompt") : undefined;
  const call = { method: promptGet, exposed, item, guess, args, argsSpan };
  return ok({ ...call, replaced: undefined, task: undefined });
}
