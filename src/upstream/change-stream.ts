/** The stream on which a modern server tells of changes, opened anew when other ones matter. */

import { isObject, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { KeptStream } from "./kept-stream.ts";
import { ConnectError } from "./link.ts";

export interface ChangeStream {
  /** As KeptStream.opened, of the first. */
  readonly opened: Promise<void> | undefined;
  /** Has these resources watched and no others. Resolves with those that the server watches. */
  watch(uris: ReadonlySet<string>): Promise<ReadonlySet<string>>;
  stop(): void;
}

export interface StreamAnswer {
  /** The server takes the subscription, for these resources. */
  acknowledged(uris: ReadonlySet<string>): void;
  /** The server does not offer such a stream. */
  refused(): void;
}

/** Opens the stream for list changes and these resources; undefined where that is nothing. */
export type OpenStream = (
  uris: ReadonlySet<string>,
  answer: StreamAnswer,
) => KeptStream | undefined;

export function createChangeStream(clock: Clock, open: OpenStream): ChangeStream {
  let current = open(none, { acknowledged: () => undefined, refused: () => undefined });
  return {
    opened: current?.opened,
    async watch(uris) {
      const old = current;
      const asked = Promise.withResolvers<ReadonlySet<string>>();
      const cancel = clock.after(limits.handshakeMs, () => {
        asked.reject(new ConnectError("it does not answer subscriptions/listen"));
      });
      current = open(uris, {
        acknowledged: asked.resolve,
        refused: () => asked.reject(new ConnectError("it refuses subscriptions/listen")),
      });
      if (current === undefined) asked.resolve(none);
      try {
        return await asked.promise;
      } finally {
        cancel();
        // Only now: what changes meanwhile is told on one of both.
        old?.stop();
      }
    },
    stop: () => current?.stop(),
  };
}

const none: ReadonlySet<string> = new Set();

/** The resources of notifications/subscriptions/acknowledged; undefined for all else. */
export function acknowledgedResources(
  method: string,
  params: JsonObject,
): ReadonlySet<string> | undefined {
  if (method !== "notifications/subscriptions/acknowledged") return undefined;
  const honoured = member(params, "notifications");
  const uris = isObject(honoured) ? member(honoured, "resourceSubscriptions") : undefined;
  return new Set(Array.isArray(uris) ? uris.filter((uri) => typeof uri === "string") : []);
}
