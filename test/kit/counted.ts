/** A scripted server's `send` as a supervisor makes it: counted in at its start, out at its end. */

import type { Load } from "../../src/upstream/load.ts";
import type { Upstream, UpstreamCall, UpstreamSink } from "../../src/upstream/upstream.ts";

export function supervised(send: Upstream["send"], load: Load): Upstream["send"] {
  return async (request, sink) => {
    load.begin();
    let over = false;
    const end = (): void => {
      if (!over) load.end();
      over = true;
    };
    const counting: UpstreamSink = {
      notification: (method, params) => sink.notification(method, params),
      request: (asked) => sink.request(asked),
      response(message) {
        end();
        sink.response(message);
      },
      failed(error, mayHaveRun) {
        end();
        sink.failed(error, mayHaveRun);
      },
    };
    const call: UpstreamCall = await send(request, counting);
    return {
      era: call.era,
      cancel(reason) {
        end();
        call.cancel(reason);
      },
    };
  };
}
