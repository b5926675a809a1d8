/** Who watches which resource: a server is asked while anybody wants to know, and once. */

import type { JsonObject } from "../base/json.ts";
import type { Upstream } from "../upstream/upstream.ts";

export interface ResourceHub {
  /** One more server, which may tell of its resources. */
  hear(upstream: Upstream): void;
  /** One more wants to know. Rejects with a GatewayError when the server refuses. */
  watch(upstream: Upstream, uri: string): Promise<void>;
  /** One of them does not any more. */
  unwatch(uri: string): void;
  /** Told of each change of a watched resource; `params` of notifications/resources/updated. */
  onUpdated(listener: (uri: string, params: JsonObject) => void): () => void;
}

interface Watched {
  readonly upstream: Upstream;
  count: number;
  /** Asked of the server by the first; the others wait for the same answer. */
  asked: Promise<void>;
}

export function createResourceHub(upstreams: readonly Upstream[]): ResourceHub {
  const watched = new Map<string, Watched>();
  const listeners = new Set<(uri: string, params: JsonObject) => void>();
  const hear = (upstream: Upstream) =>
    upstream.onChange((change) => {
      if (change.kind !== "updated") return;
      // Another server's word on it counts for nothing: the URI is its owner's (P17).
      if (watched.get(change.uri)?.upstream.id !== upstream.id) return;
      for (const listener of listeners) listener(change.uri, change.params);
    });
  for (const upstream of upstreams) hear(upstream);

  function unwatch(uri: string): void {
    const entry = watched.get(uri);
    if (entry === undefined) return;
    entry.count -= 1;
    if (entry.count > 0) return;
    watched.delete(uri);
    entry.upstream.unsubscribe(uri);
  }

  return {
    hear,
    async watch(upstream, uri) {
      let entry = watched.get(uri);
      if (entry === undefined) {
        entry = { upstream, count: 0, asked: upstream.subscribe(uri) };
        watched.set(uri, entry);
      }
      entry.count += 1;
      try {
        await entry.asked;
      } catch (thrown) {
        // One that failed is nobody's: the next who wants it asks again.
        if (watched.get(uri) === entry) watched.delete(uri);
        throw thrown;
      }
    },
    unwatch,
    onUpdated(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
