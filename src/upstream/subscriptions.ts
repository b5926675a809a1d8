/** The resources of one server that somebody watches, through reconnects and renewed sessions. */

import { causeText, fault } from "../base/errors.ts";
import { isObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/ports.ts";
import type { StrictBody } from "../protocol/message.ts";
import { errorText } from "./handshake.ts";
import { type Link, notOurs, type Sent } from "./link.ts";
import type { UpstreamRequest, UpstreamSink } from "./upstream.ts";

export interface Subscriptions {
  /** Rejects with a GatewayError when the server refuses. */
  add(link: Link, uri: string): Promise<void>;
  remove(link: Link | undefined, uri: string): void;
  /** On another connection or session: what could not be watched meanwhile is told as changed. */
  again(link: Link): Promise<void>;
}

export interface SubscriptionOptions {
  readonly server: string;
  readonly clock: Clock;
  readonly log: Log;
  ask(link: Link, request: UpstreamRequest, sink: UpstreamSink): Sent;
  changed(uri: string): void;
}

export function createSubscriptions(options: SubscriptionOptions): Subscriptions {
  const { server, log } = options;
  const uris = new Set<string>();
  let last: Promise<unknown> = Promise.resolve();

  /** A modern server is told all of them, one time after the other. */
  function watchAll(link: Link): Promise<ReadonlySet<string>> {
    const watching = last.then(() => link.watch(new Set(uris)));
    last = watching.catch(() => undefined);
    return watching;
  }

  async function subscribe(link: Link, uri: string): Promise<void> {
    if (link.hello.era === "legacy") return tell(link, "resources/subscribe", uri);
    const watched = await watchAll(link).catch((error: Error) => {
      throw refused(server, uri, error.message);
    });
    if (!watched.has(uri)) throw refused(server, uri, "it does not watch this one");
  }

  function tell(link: Link, method: string, uri: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = options.clock.after(limits.handshakeMs, () => {
        sent.cancel("no answer in time");
        reject(refused(server, uri, `no answer within ${limits.handshakeMs} ms`));
      });
      const sent = options.ask(link, ownRequest(method, uri), {
        notification: () => undefined,
        request: notOurs,
        response(body: StrictBody) {
          stop();
          if (isObject(member(body.value, "result"))) resolve();
          else reject(refused(server, uri, errorText(body)));
        },
        failed(error) {
          stop();
          reject(error);
        },
      });
    });
  }

  return {
    async add(link, uri) {
      const resources = member(link.hello.capabilities, "resources");
      if (!isObject(resources) || member(resources, "subscribe") !== true) {
        throw fault("GW_METHOD", { message: `"${server}" does not tell of changed resources` });
      }
      uris.add(uri);
      try {
        await subscribe(link, uri);
      } catch (thrown) {
        uris.delete(uri);
        throw thrown;
      }
    },
    remove(link, uri) {
      if (!uris.delete(uri) || link === undefined) return;
      const told =
        link.hello.era === "legacy" ? tell(link, "resources/unsubscribe", uri) : watchAll(link);
      told.catch(() => undefined);
    },
    async again(link) {
      for (const uri of [...uris]) {
        try {
          await subscribe(link, uri);
        } catch (thrown) {
          // Whoever watches it asks again after its next reading, and so will the next connection.
          const why = causeText(thrown);
          log.warn("a resource is not watched any more", { server, why });
        }
        options.changed(uri);
      }
    },
  };
}

function ownRequest(method: string, uri: string): UpstreamRequest {
  const params = JSON.stringify({ uri });
  return { method, params: () => [params], name: undefined, headers: [], origin: undefined };
}

function refused(server: string, uri: string, cause: string) {
  const message = `"${server}" does not watch ${JSON.stringify(uri.slice(0, 200))}`;
  return fault("GW_UPSTREAM_ERROR", { message, cause });
}
