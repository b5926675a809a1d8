/** Asks a server that nobody calls whether it is there, so that the next call need not find out. */

import { causeText } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { eraOfProbe, modernMeta } from "./handshake.ts";
import { type Link, notOurs, type Sent } from "./link.ts";
import type { Identity } from "./settings.ts";
import { ownRequest } from "./talk-ask.ts";
import type { UpstreamRequest, UpstreamSink } from "./upstream.ts";

export interface Health {
  /** Looks from now on; again and again it does nothing. */
  begin(): void;
  /** The server gave a sign of life. */
  seen(): void;
  /** A call had no answer in time: with no other in flight it is asked at once. */
  suspect(): void;
  /** Asks now, whatever else goes on. */
  ask(): void;
  stop(): void;
}

export interface HealthOptions {
  readonly clock: Clock;
  readonly identity: Identity;
  /** Between two looks; undefined: none. */
  everyMs(): number | undefined;
  link(): Link | undefined;
  /** Nothing is in flight there. */
  isIdle(): boolean;
  send(to: Link, request: UpstreamRequest, sink: UpstreamSink): Sent;
  /** It answered: all is well. */
  well(): void;
  /** One question went unanswered; another one is asked. */
  late(cause: string): void;
  /** So did that: the connection is of no use. */
  gone(cause: string): void;
}

export function createHealth(options: HealthOptions): Health {
  const { clock } = options;
  let alive = false;
  let asking = false;
  let cancel: (() => void) | undefined;

  function next(): void {
    const ms = options.everyMs();
    cancel = clock.after(ms ?? limits.healthLookMs, () => {
      next();
      if (ms !== undefined && !alive && options.isIdle()) ask();
      alive = false;
    });
  }

  function ask(): void {
    const link = options.link();
    if (asking || link === undefined) return;
    asking = true;
    void answers(link, options)
      .then(async (first) => {
        if (first === undefined) return undefined;
        if (options.link() === link) options.late(first);
        return answers(link, options);
      })
      .then((cause) => {
        asking = false;
        if (options.link() !== link) return;
        if (cause === undefined) options.well();
        else options.gone(cause);
      });
  }

  return {
    begin() {
      if (cancel === undefined) next();
    },
    seen() {
      alive = true;
    },
    suspect() {
      if (options.everyMs() !== undefined && options.isIdle()) ask();
    },
    ask,
    stop: () => cancel?.(),
  };
}

/** Who has it asked often wants to know soon. */
function answerMs(everyMs: number | undefined): number {
  const { healthAnswerMs, healthAnswerLeastMs } = limits;
  return Math.min(healthAnswerMs, Math.max(healthAnswerLeastMs, everyMs ?? healthAnswerMs));
}

/** Why the server is not well; undefined: it answered, be it with an error. Never rejects. */
function answers(link: Link, options: HealthOptions): Promise<string | undefined> {
  const { clock, identity } = options;
  const modern = link.hello.era === "modern";
  const method = modern ? "server/discover" : "ping";
  const params = modern ? `{"_meta":${modernMeta(identity)}}` : "{}";
  const ms = answerMs(options.everyMs());
  return new Promise((resolve) => {
    let sent: Sent | undefined;
    const stop = clock.after(ms, () => {
      sent?.cancel("no answer in time");
      resolve(`it does not answer ${method} within ${ms} ms (health check)`);
    });
    try {
      sent = options.send(link, ownRequest(method, params), {
        notification: () => undefined,
        request: notOurs,
        response(body) {
          stop();
          const other = modern && eraOfProbe(body) !== "modern";
          resolve(other ? "it speaks another protocol version now" : undefined);
        },
        failed(error) {
          stop();
          resolve(error.why);
        },
      });
    } catch (thrown) {
      stop();
      resolve(causeText(thrown));
    }
  });
}
