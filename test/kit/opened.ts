/** What the tests of a file open: each is ended after its test, the last one first. */

import { afterEach } from "bun:test";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { untilState } from "./upstream.ts";

type Endable = { stop(): Promise<void> } | { close(): Promise<void> };

export function opened() {
  const open: Endable[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await ("stop" in one ? one.stop() : one.close());
  });

  function keep<One extends Endable>(one: One): One {
    open.push(one);
    return one;
  }

  return {
    keep,
    /** Started, and connected. */
    async ready<One extends Upstream>(upstream: One): Promise<One> {
      keep(upstream).start();
      await untilState(upstream, "ready");
      return upstream;
    },
  };
}
