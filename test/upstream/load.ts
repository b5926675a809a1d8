/** Calls through an upstream, for the benches: so many at a time until all are done. */

import type { Upstream } from "../../src/upstream/upstream.ts";

export function load(
  upstream: Upstream,
  params: Uint8Array,
  concurrent: number,
  calls: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let begun = 0;
    let ended = 0;
    const one = () => {
      if (begun === calls) return;
      begun += 1;
      const send = async () =>
        upstream.send(
          {
            method: "tools/call",
            name: "echo",
            headers: [],
            origin: undefined,
            params: () => [params],
          },
          {
            notification: () => undefined,
            request: () => undefined,
            failed: reject,
            response() {
              ended += 1;
              if (ended === calls) resolve();
              else one();
            },
          },
        );
      send().catch(reject);
    };
    for (let index = 0; index < concurrent; index += 1) one();
  });
}
