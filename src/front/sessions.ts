/** Legacy sessions: who owns them, how many, how long (F14, R6). Memory only. */

import { createHash } from "node:crypto";
import { limits } from "../base/limits.ts";
import type { Clock, Random } from "../base/ports.ts";
import type { WatchedResources } from "../call/incoming.ts";
import type { ClientCapabilities } from "../protocol/capabilities.ts";
import type { RequestId } from "../protocol/message.ts";
import type { Exchange } from "./exchange.ts";
import { createQuestions, type Questions } from "./questions.ts";
import { clearShelf, createShelf, type Replay, type Shelf } from "./replay.ts";

export interface Session {
  /** 256 random bits, base64url: a name, never a credential. */
  readonly id: string;
  /** What receipts call it: the id itself stays out of them. */
  readonly digest: string;
  readonly keyId: string;
  readonly protocol: string;
  readonly client: { readonly name: string; readonly version: string };
  readonly capabilities: ClientCapabilities;
  /** Requests without an answer, by the client's id. */
  readonly calls: Map<RequestId, Exchange>;
  /** What servers asked in their middle. */
  readonly questions: Questions;
  /** Events of its streams, for a client that lost one. */
  readonly shelf: Shelf;
  /** Its streams begin with an event to come back to. */
  readonly primes: boolean;
  /** logging/setLevel. */
  logLevel: string | undefined;
  readonly watched: WatchedResources;
  /** Open GET streams. */
  streams: number;
  /** Monotonic ms. */
  usedAt: number;
  /** The tool list its client knows; shared with its streams. */
  readonly seen: Seen;
}

/** Hash of the tool list that a client was last told of; undefined: it never asked. */
export interface Seen {
  hash: string | undefined;
}

export interface Sessions {
  readonly size: number;
  /** undefined when the key has as many as it may have and all are in use. */
  open(begin: Pick<Session, "keyId" | "protocol" | "client" | "capabilities">): Session | undefined;
  /** The session of this id if it belongs to this key; marks it used. */
  find(keyId: string, id: string): Session | undefined;
  end(session: Session): void;
  ofKey(keyId: string): readonly Session[];
  /** Forgets those that nobody used for long. */
  sweep(): void;
  clear(): void;
}

export function createSessions(ports: { clock: Clock; random: Random; replay: Replay }): Sessions {
  const { clock, random, replay } = ports;
  const byId = new Map<string, Session>();
  const byKey = new Map<string, Set<Session>>();

  function end(session: Session): void {
    if (!byId.delete(session.id)) return;
    clearShelf(session.shelf);
    const own = byKey.get(session.keyId);
    own?.delete(session);
    if (own?.size === 0) byKey.delete(session.keyId);
  }
  /** Clients seldom say goodbye: the longest unused session makes room for a new one. */
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
      const own = byKey.get(begin.keyId) ?? new Set();
      if (!makeRoom(own)) return undefined;
      const id = base64url(random.bytes(32));
      const session: Session = {
        ...begin,
        id,
        digest: createHash("sha256").update(id).digest("hex").slice(0, 32),
        calls: new Map(),
        questions: createQuestions(),
        shelf: createShelf(replay, begin.keyId),
        primes: begin.protocol >= primingSince,
        logLevel: undefined,
        watched: watchedResources(),
        streams: 0,
        usedAt: clock.mono(),
        seen: { hash: undefined },
      };
      byId.set(id, session);
      byKey.set(begin.keyId, own.add(session));
      return session;
    },
    find(keyId, id) {
      const session = byId.get(id);
      if (session === undefined || session.keyId !== keyId) return undefined;
      session.usedAt = clock.mono();
      return session;
    },
    end,
    ofKey: (keyId) => [...(byKey.get(keyId) ?? [])],
    sweep() {
      const eldest = clock.mono() - limits.sessionIdleMs;
      for (const session of byId.values()) {
        if (session.usedAt < eldest && !inUse(session)) end(session);
      }
    },
    clear() {
      byId.clear();
      byKey.clear();
    },
  };
}

/** Older clients take an event without data for a broken message. */
const primingSince = "2025-11-25";

function watchedResources(): WatchedResources {
  const uris = new Set<string>();
  return {
    has: (uri) => uris.has(uri),
    add(uri) {
      if (uris.size >= limits.watchedPerSession && !uris.has(uri)) return false;
      uris.add(uri);
      return true;
    },
    delete: (uri) => void uris.delete(uri),
  };
}

function inUse(session: Session): boolean {
  return session.streams > 0 || session.calls.size > 0;
}

function base64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
