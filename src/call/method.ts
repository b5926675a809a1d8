/** One method of the table in methods.ts. */

import type { Era } from "../protocol/message.ts";
import type { Handling, Incoming, Reply } from "./incoming.ts";
import type { CallPorts } from "./ports.ts";

export interface Method {
  /** Eras in which the method exists and is offered; none: known, but not offered yet. */
  readonly eras: readonly Era[];
  run(incoming: Incoming, reply: Reply, ports: CallPorts): Handling;
}
