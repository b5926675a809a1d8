/** ping: legacy only, answered here. initialize and server/discover are the front's. */

import { resultMessage } from "../protocol/envelope.ts";
import type { Method } from "./method.ts";
import { nothingToCancel } from "./nothing-to-cancel.ts";

export const lifecycleMethods: readonly (readonly [string, Method])[] = [
  [
    "ping",
    {
      eras: ["legacy"],
      run(incoming, reply) {
        reply.send(200, resultMessage(incoming.message.idText, "{}"));
        return nothingToCancel;
      },
    },
  ],
];
