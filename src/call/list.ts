/** tools/list: what this key may call, from bytes prepared by the catalog. One page. */

import { asFault, fault } from "../base/errors.ts";
import { member } from "../base/json.ts";
import { resultMessage } from "../protocol/envelope.ts";
import { toolsListResult } from "../protocol/translate/tools-list.ts";
import type { Handling, Incoming, Reply } from "./incoming.ts";
import { nothingToCancel } from "./not-offered.ts";
import type { CallPorts } from "./ports.ts";
import { respondProblem } from "./respond.ts";

export function listTools(incoming: Incoming, reply: Reply, ports: CallPorts): Handling {
  // All tools fit one page, so no cursor was ever handed out.
  if (member(incoming.message.params, "cursor") !== undefined) {
    respondProblem(incoming, reply, fault("GW_PARAMS", { message: "Unknown cursor" }));
    return nothingToCancel;
  }
  ports.catalog.visibleTools(incoming.identity, incoming.era).then(
    (list) => {
      const result = toolsListResult(list.json, incoming.era);
      reply.send(200, resultMessage(incoming.message.idText, result));
    },
    (thrown) => respondProblem(incoming, reply, asFault(thrown, "Cannot list the tools")),
  );
  return nothingToCancel;
}
