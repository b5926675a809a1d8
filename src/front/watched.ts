/** The resources that clients asked to be told of, and who is told. */

import type { Identity } from "../access/access.ts";
import type { JsonObject } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { WatchedResources } from "../call/incoming.ts";
import type { FrontPorts } from "./ports.ts";

/** A session, or one subscriptions/listen. */
export interface Watcher {
  readonly identity: Identity;
  /** `params` of notifications/resources/updated. */
  updated(params: JsonObject): void;
}

export interface Watchers {
  add(uri: string, watcher: Watcher): void;
  delete(uri: string, watcher: Watcher): void;
  /** Tells those who may still read it: policy may have changed since they asked. */
  updated(uri: string, params: JsonObject): void;
}

export function createWatchers({ resources }: Pick<FrontPorts, "resources">): Watchers {
  const byUri = new Map<string, Set<Watcher>>();
  return {
    add(uri, watcher) {
      byUri.set(uri, (byUri.get(uri) ?? new Set()).add(watcher));
    },
    delete(uri, watcher) {
      const all = byUri.get(uri);
      all?.delete(watcher);
      if (all?.size === 0) byUri.delete(uri);
    },
    updated(uri, params) {
      for (const watcher of [...(byUri.get(uri) ?? [])]) {
        if (resources.mayRead(watcher.identity, uri)) watcher.updated(params);
      }
    },
  };
}

/** Those of one session. */
export interface SessionResources extends WatchedResources {
  readonly uris: ReadonlySet<string>;
  /** As add and delete, without a word to the store: it said so. */
  take(uri: string): boolean;
  drop(uri: string): void;
  /** The session is over or sleeps. */
  giveUp(): void;
}

/** `released`: once for each that is watched until the end; `changed`: for the store. */
export function sessionResources(
  watchers: Watchers,
  watcher: () => Watcher,
  on: { released(uri: string): void; changed(uri: string, watched: boolean): void },
): SessionResources {
  const uris = new Set<string>();
  let characters = 0;
  function take(uri: string): boolean {
    if (uris.size >= limits.watchedPerSession) return false;
    if (characters + uri.length > limits.watchedChars) return false;
    uris.add(uri);
    characters += uri.length;
    watchers.add(uri, watcher());
    return true;
  }
  function drop(uri: string): boolean {
    if (!uris.delete(uri)) return false;
    characters -= uri.length;
    watchers.delete(uri, watcher());
    return true;
  }
  return {
    uris,
    has: (uri) => uris.has(uri),
    add(uri) {
      if (uris.has(uri)) return true;
      if (!take(uri)) return false;
      on.changed(uri, true);
      return true;
    },
    delete(uri) {
      if (drop(uri)) on.changed(uri, false);
    },
    take: (uri) => uris.has(uri) || take(uri),
    drop: (uri) => void drop(uri),
    giveUp() {
      for (const uri of [...uris]) {
        drop(uri);
        on.released(uri);
      }
    },
  };
}
