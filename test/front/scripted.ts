/** What stands behind the front beside the call path, in memory. */

import type { Identity } from "../../src/access/access.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type { ResourcePorts, SessionState, SessionStates } from "../../src/front/ports.ts";
import { settle } from "../kit/scripted.ts";

/** Watching that is written down; `denied` and `refused` say no. */
export interface ScriptedResources {
  readonly ports: ResourcePorts;
  /** How often each URI is watched now. */
  readonly watched: Map<string, number>;
  /** URIs that policy denies to a key: `alice a:b`. */
  readonly denied: Set<string>;
  /** URIs whose server does not take subscriptions. */
  readonly refused: Set<string>;
  updated(uri: string, params?: object): Promise<void>;
}

export function scriptedResources(): ScriptedResources {
  const watched = new Map<string, number>();
  const denied = new Set<string>();
  const refused = new Set<string>();
  let listener: (uri: string, params: JsonObject) => void = () => {};
  const mayRead = (identity: Identity, uri: string) => !denied.has(`${identity.keyId} ${uri}`);
  return {
    watched,
    denied,
    refused,
    ports: {
      mayRead,
      async watch(identity, uri) {
        if (!mayRead(identity, uri) || refused.has(uri)) return false;
        watched.set(uri, (watched.get(uri) ?? 0) + 1);
        return true;
      },
      unwatch(uri) {
        const left = (watched.get(uri) ?? 0) - 1;
        if (left === 0) watched.delete(uri);
        else watched.set(uri, left);
      },
      onUpdated(given) {
        listener = given;
        return () => {};
      },
    },
    updated(uri, params = { uri }) {
      listener(uri, params as JsonObject);
      return settle();
    },
  };
}

/** What the stores of several gateways share. */
export type Rows = Map<string, SessionState>;

/** Session states in memory, shared by whoever has the same rows. */
export function scriptedStates(rows: Rows): {
  readonly ports: SessionStates;
  /** The store cannot be read. */
  away: boolean;
  /** Reads so far. */
  reads: number;
  /** Tells this gateway what another one wrote. */
  tell(digest: string): Promise<void>;
} {
  let listener: (state: SessionState) => void = () => {};
  const made = {
    away: false,
    reads: 0,
    ports: {
      async read(digest: string) {
        made.reads++;
        return made.away ? ("away" as const) : rows.get(digest);
      },
      write({ patch, ...change }: Parameters<SessionStates["write"]>[0]) {
        const old = rows.get(change.digest);
        const state = { ...old?.state, ...patch };
        const kept = Object.entries(state).filter(([, value]) => value !== null);
        const ended = change.ended || old?.ended === true;
        rows.set(change.digest, { ...change, ended, state: Object.fromEntries(kept) });
      },
      onChange(given: (state: SessionState) => void) {
        listener = given;
        return () => {};
      },
    },
    tell(digest: string) {
      listener(rows.get(digest)!);
      return settle();
    },
  };
  return made;
}
