/** The lists: what this key may see, from bytes prepared by the catalog. */

import { asFault, fault } from "../base/errors.ts";
import { member } from "../base/json.ts";
import { resultMessage } from "../protocol/envelope.ts";
import { type ListMethod, listMethods } from "../protocol/lists.ts";
import type { Method } from "./method.ts";
import { nothingToCancel } from "./nothing-to-cancel.ts";
import { respondProblem } from "./respond.ts";

export const listMethodTable: readonly (readonly [string, Method])[] = listMethods.map((method) => [
  method,
  listMethod(method),
]);

function listMethod(method: ListMethod): Method {
  return {
    eras: ["legacy", "modern"],
    run(incoming, reply, ports) {
      const cursor = member(incoming.message.params, "cursor");
      if (cursor !== undefined && typeof cursor !== "string") {
        const error = fault("GW_PARAMS", { message: `${method} takes a cursor that is a string` });
        respondProblem(incoming, reply, error);
        return nothingToCancel;
      }
      const { identity, session, capabilities, logLevel } = incoming;
      if (capabilities.asks) {
        ports.catalog.meet({ keyId: identity.keyId, session, capabilities, logLevel });
      }
      ports.catalog.page(method, incoming.identity, incoming.era, cursor).then(
        (result) => reply.send(200, resultMessage(incoming.message.idText, result)),
        (thrown) => respondProblem(incoming, reply, asFault(thrown, `Cannot answer ${method}`)),
      );
      return nothingToCancel;
    },
  };
}
