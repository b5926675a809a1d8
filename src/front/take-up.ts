/**
 * A session that this process does not know yet: of before a restart, or opened by another gateway
 * with the same seal key and store. Its id says what it is; the store is asked once for the rest.
 */

import type { Identity } from "../access/access.ts";
import { limits } from "../base/limits.ts";
import { readCapabilities } from "../protocol/capabilities.ts";
import { notificationMessage } from "../protocol/envelope.ts";
import { internal } from "./carry.ts";
import type { Door } from "./door.ts";
import type { Outlet } from "./outlet.ts";
import type { SessionState } from "./ports.ts";
import {
  capabilitiesOf,
  digestOf,
  openSession,
  readState,
  type SessionFacts,
} from "./session-id.ts";
import type { Session } from "./sessions.ts";

/** unknown: no session of this key, ended, or over. full: no room for it now. */
export type Found = Session | "unknown" | "full";

/** Takes up what is not live; without a wait for what is. */
export function findSession(door: Door, identity: Identity, id: string): Found | Promise<Found> {
  const live = door.sessions.find(identity, id);
  if (live !== undefined) return live;
  const { sealer, clock } = door.ports;
  const { keyId } = identity;
  const facts = openSession(sealer, keyId, id);
  if (facts === undefined || facts.issuedMs + limits.sessionLifeMs <= clock.now()) return "unknown";
  const digest = digestOf(id);
  if (door.ended.has(digest)) return "unknown";
  // Requests that come together wait for the same answer.
  const waiting = door.takenUp.get(digest);
  if (waiting !== undefined) return waiting;
  if (door.takenUp.size >= limits.sessionsTakenUp) return "full";
  const found = takeUp(door, identity, { id, digest, facts }).finally(() => {
    door.takenUp.delete(digest);
  });
  door.takenUp.set(digest, found);
  return found;
}

interface Old {
  readonly id: string;
  readonly digest: string;
  readonly facts: SessionFacts;
}

async function takeUp(door: Door, identity: Identity, old: Old): Promise<Found> {
  const { id, digest, facts } = old;
  const kept = await door.ports.sessionStates.read(digest);
  const away = kept === "away";
  const state = away || kept?.keyId !== identity.keyId ? undefined : kept;
  if (state?.ended === true || door.ended.has(digest)) {
    noteEnded(door, digest);
    return "unknown";
  }
  const { logLevel, watched, capabilities } = readState(state?.state ?? {});
  const text = facts.capabilities ?? capabilities;
  if (text === undefined) return "unknown";
  const { protocol, client, issuedMs } = facts;
  const known = {
    identity,
    protocol,
    client,
    capabilities: readCapabilities(capabilitiesOf(text)),
  };
  const session = door.sessions.open({ ...known, id, issuedMs });
  if (session === undefined) return "full";
  session.lost = away;
  session.logLevel = logLevel;
  for (const uri of watched) watchAgain(door, session, uri);
  return session;
}

/** Decided anew: what its key may not read any more it is not told of. */
function watchAgain(door: Door, session: Session, uri: string): void {
  const { resources } = door.ports;
  resources.watch(session.identity, uri).then(
    (honoured) => {
      const live = door.sessions.byDigest(session.digest) === session;
      if (honoured && live && !session.watched.has(uri) && session.watched.take(uri)) return;
      if (honoured) resources.unwatch(uri);
      else session.lost = true;
    },
    (thrown) => {
      session.lost = true;
      internal(door, thrown);
    },
  );
}

/** Another gateway changed it. */
export function changedElsewhere(door: Door, state: SessionState): Session | undefined {
  if (state.ended) noteEnded(door, state.digest);
  const session = door.sessions.byDigest(state.digest);
  if (session === undefined || session.keyId !== state.keyId) return undefined;
  if (state.ended) return session;
  const { logLevel, watched } = readState(state.state);
  session.logLevel = logLevel;
  for (const uri of session.watched.uris) {
    if (watched.includes(uri)) continue;
    session.watched.drop(uri);
    door.ports.resources.unwatch(uri);
  }
  for (const uri of watched) if (!session.watched.has(uri)) watchAgain(door, session, uri);
  return undefined;
}

export function noteEnded({ ended }: Door, digest: string): void {
  ended.add(digest);
  if (ended.size <= limits.sessionsEnded) return;
  for (const oldest of ended) {
    ended.delete(oldest);
    return;
  }
}

/** Once, on the next stream: the client knows what it had set. */
export function tellLost(session: Session, outlet: Outlet): void {
  if (!session.lost) return;
  session.lost = false;
  const data =
    "The gateway took up this session without all of its state: set the log level and subscribe " +
    "to resources again.";
  const params = { level: "warning", logger: "authensor-gw", data };
  outlet.message(notificationMessage("notifications/message", JSON.stringify(params)));
}
