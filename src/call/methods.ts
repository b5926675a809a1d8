/** Every method of every revision and who answers it; all else is -32601. One family a file. */

import { fault } from "../base/errors.ts";
import { makeCall } from "./call.ts";
import { completionMethods } from "./completion.ts";
import type { Handling, Incoming, Reply } from "./incoming.ts";
import { lifecycleMethods } from "./lifecycle.ts";
import { listMethodTable } from "./list.ts";
import type { Method } from "./method.ts";
import { nothingToCancel } from "./nothing-to-cancel.ts";
import { toolCall } from "./parse.ts";
import type { CallPorts } from "./ports.ts";
import { promptMethods } from "./prompts.ts";
import { resourceMethods } from "./resources.ts";
import { respondProblem } from "./respond.ts";
import { taskMethods } from "./tasks.ts";

/**
 * initialize, server/discover, logging/setLevel and subscriptions/listen are the front's: they are
 * about sessions and streams.
 */
const methods: ReadonlyMap<string, Method> = new Map<string, Method>([
  [
    "tools/call",
    {
      eras: ["legacy", "modern"],
      run: (incoming, reply, ports) => makeCall(incoming, reply, ports, toolCall),
    },
  ],
  ...listMethodTable,
  ...lifecycleMethods,
  ...resourceMethods,
  ...promptMethods,
  ...completionMethods,
  ...taskMethods,
]);

/** Whether it is answered in any era. */
export function answers(method: string): boolean {
  return (methods.get(method)?.eras.length ?? 0) > 0;
}

/** Answers one request of any method but those of the front; never throws. */
export function handle(incoming: Incoming, reply: Reply, ports: CallPorts): Handling {
  const method = methods.get(incoming.message.method);
  if (method?.eras.includes(incoming.era)) return method.run(incoming, reply, ports);
  const error = fault("GW_METHOD", {
    message: `The method "${incoming.message.method.slice(0, 128)}" is not offered`,
  });
  respondProblem(incoming, reply, error);
  return nothingToCancel;
}
