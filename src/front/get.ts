/** GET and DELETE /mcp: the standing stream of a legacy session, and its end. */

import type { Identity } from "../access/access.ts";
import { catalogue } from "../base/error-codes.ts";
import { fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { listMethods, listShapes } from "../protocol/lists.ts";
import { eraOf, legacyRevisions } from "../protocol/versions.ts";
import { plain, rpcError } from "./answers.ts";
import { again, internal } from "./carry.ts";
import { type Channel, openChannel } from "./channel.ts";
import type { Answer, Caller, Door } from "./door.ts";
import { endForGood } from "./end-session.ts";
import { keyFull } from "./full.ts";
import { withSession } from "./legacy.ts";
import { listChanges, offers } from "./list-changes.ts";
import { resume } from "./resume.ts";
import type { Session } from "./sessions.ts";
import { tellLost } from "./take-up.ts";

export function getStream(door: Door, caller: Caller): Answer {
  return standing(door, caller, (session) => openStanding(door, caller, session));
}

function openStanding(door: Door, caller: Caller, session: Session): Response {
  const wanted = caller.head.accepts;
  if (wanted === "json" || wanted === "none") return rpcError(plain("GW_ACCEPT"));
  if (door.draining) return rpcError(plain("GW_DRAINING"), undefined, again);
  // An empty one is none, as in a browser's EventSource.
  const lastEventId = caller.request.headers.get("last-event-id") ?? "";
  const resumed = lastEventId === "" ? undefined : resume(door, caller, session, lastEventId);
  if (resumed !== undefined && resumed.kind !== "standing") return resumed.response;
  // One is enough; a client that lost one may open the next before we know that it did.
  if (session.streams >= limits.streamsPerSession) {
    door.streams.endOldest(session.keyId, session.seen);
  }
  const { identity, peer, request } = caller;
  const channel = resumed?.channel ?? standingChannel(door, session);
  const stream = door.streams.open({
    identity,
    peer,
    request,
    seen: session.seen,
    resumable: { channel, after: resumed?.after ?? 0 },
    lists: listChanges,
    closed: () => session.streams--,
  });
  if (stream === undefined) return rpcError(keyFull("streams"), undefined, again);
  session.streams++;
  session.standing = channel;
  tellLost(session, channel);
  // What changed while no stream was open is told now.
  refresh(door, session, identity).catch((thrown) => internal(door, thrown));
  return stream.response;
}

async function refresh(door: Door, session: Session, identity: Identity): Promise<void> {
  if (session.takenUp) {
    session.takenUp = false;
    const { capabilities } = await door.ports.hello(identity, "legacy");
    for (const list of listMethods) {
      const told = offers(capabilities, listShapes[list].capability, "listChanged");
      // What its client knew is of another gateway, or of before the start: it is told once.
      if (told && !session.seen.has(list)) session.seen.set(list, "");
    }
  }
  await door.streams.refresh(identity, listMethods);
}

function standingChannel({ unread }: Door, session: Session): Channel {
  const { shelf, primes, keyId } = session;
  return openChannel({ shelf, primes, unread, keyId, idText: "", abandoned: () => undefined });
}

export function deleteSession(door: Door, caller: Caller): Answer {
  return standing(door, caller, (session) => endForGood(door, session));
}

/** 2026-07-28 has neither method; a client of it probes for that with a 405. */
function standing(door: Door, caller: Caller, use: (session: Session) => Answer): Answer {
  const { version, sessionId } = caller.head;
  if (version !== null && eraOf(version) === "modern") return notHere();
  if (door.ports.protocol === "modern") return notHere();
  if (sessionId === null) return rpcError(noSession, undefined, postOnly);
  if (version !== null && eraOf(version) === undefined) return rpcError(unspoken(version));
  return withSession(door, caller, undefined, use);
}

function notHere(): Response {
  return rpcError(plain("GW_METHOD_NOT_ALLOWED"), undefined, postOnly);
}

const postOnly = { allow: "POST" };
const noSession = fault("GW_METHOD_NOT_ALLOWED", {
  message: "The request carries no Mcp-Session-Id, and without a session the path takes only POST",
  fix: "initialize first (POST) and send the Mcp-Session-Id of its answer",
});

function unspoken(version: string): GatewayError {
  return fault("GW_VERSION", {
    message: catalogue.GW_VERSION.meaning,
    cause: "MCP-Protocol-Version names no version of this gateway's sessions",
    data: { supported: legacyRevisions, requested: version.slice(0, 64) },
  });
}
