/** What answers from the moment we listen until the front is there: the process serves (O10). */

import { limits } from "../base/limits.ts";
import { keyError, plain } from "../front/answers.ts";
import { createHostGuard } from "../front/hosts.ts";
import { page } from "../front/pages.ts";
import type { ListenOptions } from "../runtime/runtime.ts";

type Handle = ListenOptions["handle"];

export interface Gate {
  /** /health at once; everything else waits for the front. */
  readonly handle: Handle;
  /** The front is there: what waited goes on, and what comes goes straight to it. */
  open(front: Handle): void;
}

/** `ports` may be filled while listening begins, as for the front. */
export function createGate(hosts: readonly string[], ports: readonly number[]): Gate {
  const guard = createHostGuard(hosts, ports);
  const gate = Promise.withResolvers<Handle>();
  let front: Handle | undefined;
  let waiting = 0;

  function early(request: Request): Response | undefined {
    const { headers, url } = request;
    // As it was sent (F13); all but this one path waits for the front's own words.
    if (url.slice(url.indexOf("/", "http://".length + 1)) !== "/health") return;
    if (guard.host(headers.get("host")) !== "ours" || !guard.origin(headers.get("origin"))) return;
    return page("/health", request.method, () => ({ ready: false, checks: [] }));
  }

  return {
    handle(request, peer) {
      if (front !== undefined) return front(request, peer);
      const answer = early(request);
      if (answer !== undefined) return answer;
      if (waiting >= limits.startWaiting) return keyError(plain("GW_KEYS_UNAVAILABLE"));
      waiting++;
      return gate.promise.then((handle) => handle(request, peer));
    },
    open(handle) {
      front = handle;
      gate.resolve(handle);
    },
  };
}
