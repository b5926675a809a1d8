/** What answers from the moment we listen until the rest is open: the process serves (O10). */

import type { HttpRequest } from "../base/http-request.ts";
import { limits } from "../base/limits.ts";
import { httpError, keyError, plain } from "../front/answers.ts";
import { createHostGuard } from "../front/hosts.ts";
import { page } from "../front/pages.ts";
import type { ListenOptions } from "../runtime/runtime.ts";

type Handle = ListenOptions["handle"];
export type Malformed = NonNullable<ListenOptions["malformed"]>;

export interface Gate {
  /** What `early` answers at once; everything else waits for what is behind. */
  readonly handle: Handle;
  /** Answers what is no request, as what is behind does once it is there. */
  readonly malformed: Malformed;
  /** It is there: what waited goes on, and what comes goes straight to it. */
  open(behind: Handle, malformed?: Malformed): void;
}

type Early = (request: HttpRequest) => Response | undefined;

/** /health. `ports` may be filled while listening begins, as for the front. */
export function earlyHealth(hosts: readonly string[], ports: readonly number[]): Early {
  const guard = createHostGuard(() => hosts, ports);
  return ({ headers, url, method }) => {
    // The path as the runtime gives it (front/http.ts); all but this one wait for the front.
    if (url.slice(url.indexOf("/", "http://".length + 1)) !== "/health") return;
    if (guard.host(headers.get("host")) !== "ours" || !guard.origin(headers.get("origin"))) return;
    return page("/health", method, () => ({ ready: false, checks: [] }));
  };
}

export function createGate(early: Early): Gate {
  const gate = Promise.withResolvers<Handle>();
  let behind: Handle | undefined;
  let answerNone: Malformed = httpError;
  let waiting = 0;

  return {
    handle(request, peer) {
      if (behind !== undefined) return behind(request, peer);
      const answer = early(request);
      if (answer !== undefined) return answer;
      if (waiting >= limits.startWaiting) return keyError(plain("GW_KEYS_UNAVAILABLE"));
      waiting++;
      return gate.promise.then((handle) => handle(request, peer));
    },
    malformed: (status, why) => answerNone(status, why),
    open(handle, malformed = httpError) {
      behind = handle;
      answerNone = malformed;
      gate.resolve(handle);
    },
  };
}
