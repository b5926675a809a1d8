/** prompts/get: decided like a call, by its arguments. */

import type { GatewayError } from "../base/errors.ts";
import { makeCall } from "./call.ts";
import type { Incoming } from "./incoming.ts";
import type { Decided, DecidedCall, Method } from "./method.ts";
import { misnamed, namedCall, nameIn } from "./parse.ts";
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

function parsePrompt(incoming: Incoming, { catalog }: CallPorts): DecidedCall | GatewayError {
  const bad = misnamed(incoming);
  if (bad !== undefined) return bad;
  const exposed = nameIn(incoming);
  const item = catalog.prompt(exposed);
  const guess = item === undefined ? catalog.guess(exposed, "prompt") : undefined;
  return namedCall(promptGet, incoming, item, guess);
}
