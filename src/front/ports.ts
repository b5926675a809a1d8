/** What the front doors need from the rest of the gateway. */

import type { Access, Identity } from "../access/access.ts";
import type { GatewayError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { Clock, Random } from "../base/ports.ts";
import type { Result } from "../base/result.ts";
import type { Sealer } from "../base/seal.ts";
import type { Handling, Incoming, Reply } from "../call/incoming.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type { Era } from "../protocol/message.ts";
import type { SelfDescription } from "../protocol/translate/initialize.ts";

/** Limits, hosts and protocol are read for each request: they may change. */
export interface FrontPorts {
  readonly access: Access;
  readonly clock: Clock;
  readonly random: Random;
  readonly sealer: Sealer;
  readonly limits: {
    readonly bodyBytes: number;
    readonly resultBytes: number;
    readonly jsonDepth: number;
    readonly jsonValues: number;
  };
  /** Further Host names, with any port. */
  readonly hosts: readonly string[];
  /** Ports we listen on; may be filled while listening begins. Loopback names with one are ours. */
  readonly ports: readonly number[];
  readonly behindProxy: boolean;
  /** What agents may speak here. */
  readonly protocol: "auto" | Era;
  /** Any request method that the front does not answer itself. May reply before it returns. */
  handle(incoming: Incoming, reply: Reply): Handling;
  /** What initialize and server/discover say of us. */
  hello(identity: Identity, era: Era): Promise<SelfDescription>;
  /** Hash of a list as this key sees it now. */
  visibleHash(identity: Identity, list: ListMethod): Promise<string>;
  /** Calls back when these lists of any key may have changed; the returned function ends that. */
  onListChange(listener: (changed: ReadonlySet<ListMethod>) => void): () => void;
  readonly resources: ResourcePorts;
  readonly sessionStates: SessionStates;
  ready(): Readiness;
  /** Text of /metrics, or the refusal of whoever may not see it. */
  metrics(authorization: string | null): Result<string, GatewayError>;
  /** A fault that should not be, for the log. */
  error(message: string, fields: Record<string, unknown>): void;
}

/** Changes of single resources. */
export interface ResourcePorts {
  /** Whether this key may be told of it: decided as a read. */
  mayRead(identity: Identity, uri: string): boolean;
  /** As resources/subscribe, for who has no such request: false where policy or server say no. */
  watch(identity: Identity, uri: string): Promise<boolean>;
  /** Once for each watch, and for each URI that a session still watches at its end. */
  unwatch(uri: string): void;
  onUpdated(listener: (uri: string, params: JsonObject) => void): () => void;
}

/** What the store keeps of sessions, so that a restart or another gateway can take them up. */
export interface SessionStates {
  /** Once for each session that is taken up. away: the store cannot say. */
  read(digest: string): Promise<SessionState | undefined | "away">;
  /** Queued, never waited for. `patch`: members of the state, null takes one out. */
  write(change: Omit<SessionState, "state"> & { readonly patch: JsonObject }): void;
  /** Of other gateways on the same store. */
  onChange(listener: (state: SessionState) => void): () => void;
}

export interface SessionState {
  readonly digest: string;
  readonly keyId: string;
  /** Wall ms. */
  readonly endsMs: number;
  readonly ended: boolean;
  /** The front's own (session-id.ts). */
  readonly state: JsonObject;
}

/** Shown to anyone: names and reasons without secrets or addresses. */
export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly reason: string;
  }[];
}
