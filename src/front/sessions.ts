/**
 * Live legacy sessions: who owns them, how many, how long (F14, R6). An id that is not here may
 * still be one: take-up.ts looks at it.
 */

import type { Identity } from "../access/access.ts";
import type { JsonObject } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Random } from "../base/ports.ts";
import { Registry } from "../base/roster.ts";
import type { Sealer } from "../base/seal.ts";
import type { ClientCapabilities } from "../protocol/capabilities.ts";
import { notificationMessage } from "../protocol/envelope.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type { RequestId } from "../protocol/message.ts";
import type { Channel } from "./channel.ts";
import type { Exchange } from "./exchange.ts";
import { createQuestions, type Questions } from "./questions.ts";
import { clearShelf, createShelf, type Replay, type Shelf } from "./replay.ts";
import { digestOf, patches, sealSession } from "./session-id.ts";
import { type SessionResources, sessionResources, type Watcher, type Watchers } from "./watched.ts";

export interface Session extends Watcher {
  /** Sealed: a name, never a credential. */
  readonly id: string;
  /** What receipts call it: the id itself stays out of them. */
  readonly digest: string;
  readonly keyId: string;
  /** As of its last request. */
  identity: Identity;
  readonly era: "legacy";
  readonly protocol: string;
  readonly client: { readonly name: string; readonly version: string };
  readonly capabilities: ClientCapabilities;
  /** Wall ms; nobody may use it after this. */
  readonly endsMs: number;
  /** Requests without an answer, by the client's id. */
  readonly calls: Registry<RequestId, Exchange>;
  /** What servers asked in their middle. */
  readonly questions: Questions;
  /** Events of its streams, for a client that lost one. */
  readonly shelf: Shelf;
  /** Its streams begin with an event to come back to. */
  readonly primes: boolean;
  /** logging/setLevel. */
  logLevel: string | undefined;
  readonly watched: SessionResources;
  /** Its newest GET stream, for what belongs to no call. */
  standing: Standing | undefined;
  /** It lives and dies with one stream (HTTP+SSE). */
  readonly bound: boolean;
  /** It was taken up: which lists its client knows is not known until it asks for them. */
  takenUp: boolean;
  /** What its client has to be told on its next stream: something of it could not be taken up. */
  lost: boolean;
  /** Open GET streams. */
  streams: number;
  /** Monotonic ms. */
  usedAt: number;
  /** The lists its client knows; shared with its streams. */
  readonly seen: Seen;
}

export type Standing = Pick<Channel, "abandoned" | "message">;

/** Hashes of the lists that a client was last told of; what is not here it never asked for. */
export type Seen = Map<ListMethod, string>;

export interface NewSession {
  readonly identity: Identity;
  readonly protocol: string;
  readonly client: { readonly name: string; readonly version: string };
  readonly capabilities: ClientCapabilities;
  readonly bound?: { readonly seen: Seen; readonly standing: Standing } | undefined;
}

/** One that another gateway opened, or this one before its start. */
export interface OldSession extends NewSession {
  readonly id: string;
  readonly issuedMs: number;
}

export interface Sessions {
  readonly size: number;
  /** undefined when the key has as many as it may have and all are in use. */
  open(begin: NewSession | OldSession): Session | undefined;
  /** The live session of this id if it belongs to this key; marks it used. */
  find(identity: Identity, id: string): Session | undefined;
  byDigest(digest: string): Session | undefined;
  end(session: Session): void;
  ofKey(keyId: string): readonly Session[];
  /** Those whose time is over; they are found no more. */
  expired(): readonly Session[];
  clear(): void;
}

export interface SessionPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly sealer: Sealer;
  readonly replay: Replay;
  readonly watchers: Watchers;
  /** A session is not told of this resource any more. */
  unwatch(uri: string): void;
  /** Something changed that the store keeps. */
  changed(session: Session, patch: JsonObject): void;
}

export function createSessions(ports: SessionPorts): Sessions {
  const { clock } = ports;
  const byId = new Map<string, Session>();
  const byDigest = new Map<string, Session>();
  const byKey = new Map<string, Set<Session>>();

  function end(session: Session): void {
    if (byId.get(session.id) !== session) return;
    byId.delete(session.id);
    byDigest.delete(session.digest);
    clearShelf(session.shelf);
    session.watched.giveUp();
    const own = byKey.get(session.keyId);
    own?.delete(session);
    if (own?.size === 0) byKey.delete(session.keyId);
  }
  /** Clients seldom say goodbye: the longest unused session makes room; it can be taken up. */
  function makeRoom(own: Set<Session>): boolean {
    if (own.size < limits.sessionsPerKey) return true;
    let oldest: Session | undefined;
    for (const session of own) {
      if (!inUse(session) && session.usedAt < (oldest?.usedAt ?? Number.POSITIVE_INFINITY)) {
        oldest = session;
      }
    }
    if (oldest === undefined) return false;
    if (clock.mono() - oldest.usedAt < limits.sessionKeepMs) return false;
    end(oldest);
    return true;
  }

  return {
    get size() {
      return byId.size;
    },
    open(begin) {
      const { keyId } = begin.identity;
      const own = byKey.get(keyId) ?? new Set();
      if (!makeRoom(own)) return undefined;
      const session = makeSession(begin, ports);
      const { capabilities } = session;
      if (!("id" in begin) && !fitsId(capabilities)) {
        ports.changed(session, patches.capabilities(capabilities.text));
      }
      byId.set(session.id, session);
      byDigest.set(session.digest, session);
      byKey.set(keyId, own.add(session));
      return session;
    },
    find(identity, id) {
      const session = byId.get(id);
      if (session === undefined || session.keyId !== identity.keyId) return undefined;
      if (session.endsMs <= clock.now()) return undefined;
      session.usedAt = clock.mono();
      session.identity = identity;
      return session;
    },
    byDigest: (digest) => byDigest.get(digest),
    end,
    ofKey: (keyId) => [...(byKey.get(keyId) ?? [])],
    expired() {
      const now = clock.now();
      return [...byId.values()].filter(({ endsMs, calls }) => endsMs <= now && calls.size === 0);
    },
    clear() {
      for (const session of [...byId.values()]) end(session);
    },
  };
}

function makeSession(begin: NewSession | OldSession, ports: SessionPorts): Session {
  const { identity, protocol, client, capabilities } = begin;
  const { clock, sealer, replay } = ports;
  const { keyId } = identity;
  const issuedMs = "issuedMs" in begin ? begin.issuedMs : clock.now();
  const sealed = fitsId(capabilities) ? capabilities.text : undefined;
  const id =
    "id" in begin
      ? begin.id
      : sealSession(sealer, keyId, { protocol, client, capabilities: sealed, issuedMs });
  const session: Session = {
    ...{ id, digest: digestOf(id), keyId, identity, protocol, client, capabilities },
    era: "legacy",
    endsMs: issuedMs + limits.sessionLifeMs,
    calls: new Registry(),
    questions: createQuestions(),
    shelf: createShelf(replay, keyId),
    primes: protocol >= primingSince,
    logLevel: undefined,
    watched: sessionResources(ports.watchers, () => session, {
      released: (uri) => ports.unwatch(uri),
      changed: (uri, watched) => ports.changed(session, patches.watched(uri, watched)),
    }),
    standing: begin.bound?.standing,
    bound: begin.bound !== undefined,
    updated: (params) => updated(session, params),
    takenUp: "id" in begin,
    lost: false,
    streams: 0,
    usedAt: clock.mono(),
    seen: begin.bound?.seen ?? new Map(),
  };
  return session;
}

/** On one stream only; a client that has none, and comes back to none, is not told. */
function updated({ standing }: Session, params: JsonObject): void {
  if (standing === undefined || standing.abandoned) return;
  standing.message(notificationMessage("notifications/resources/updated", JSON.stringify(params)));
}

/** An id travels in a header with every request. */
function fitsId(capabilities: ClientCapabilities): boolean {
  return Buffer.byteLength(capabilities.text) <= limits.sessionSealedBytes;
}

/** Older clients take an event without data for a broken message. */
const primingSince = "2025-11-25";

function inUse(session: Session): boolean {
  return session.streams > 0 || session.calls.size > 0;
}
