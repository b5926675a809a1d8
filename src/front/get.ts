/** GET and DELETE /mcp: the standing stream of a legacy session, and its end. */

import { limits } from "../base/limits.ts";
import { notificationMessage } from "../protocol/envelope.ts";
import { eraOf } from "../protocol/versions.ts";
import { plain, rpcError } from "./answers.ts";
import { again, internal } from "./carry.ts";
import { type Channel, openChannel } from "./channel.ts";
import type { Caller, Door } from "./door.ts";
import { endSession, sessionOf } from "./legacy.ts";
import { accepts } from "./media.ts";
import { resume } from "./resume.ts";
import type { Session } from "./sessions.ts";

export function getStream(door: Door, caller: Caller): Response {
  const session = standing(door, caller);
  if (session instanceof Response) return session;
  const wanted = accepts(caller.request.headers.get("accept"));
  if (wanted === "json" || wanted === "none") return rpcError(plain("GW_ACCEPT"));
  if (door.draining) return rpcError(plain("GW_DRAINING"), undefined, again);
  // An empty one is none, as in a browser's EventSource.
  const lastEventId = caller.request.headers.get("last-event-id") ?? "";
  const resumed = lastEventId === "" ? undefined : resume(caller, session, lastEventId);
  if (resumed !== undefined && resumed.kind !== "standing") return resumed.response;
  // One is enough; a client that lost one may open the next before we know that it did.
  if (session.streams >= limits.streamsPerSession) {
    door.streams.endOldest(session.keyId, session.seen);
  }
  const { identity, peer } = caller;
  const stream = door.streams.open({
    identity,
    peer,
    seen: session.seen,
    resumable: {
      channel: resumed?.channel ?? standingChannel(door, session),
      after: resumed?.after ?? 0,
    },
    listChanged: notificationMessage("notifications/tools/list_changed"),
    closed: () => session.streams--,
  });
  if (stream === undefined) return rpcError(plain("GW_SESSIONS_FULL"), undefined, again);
  session.streams++;
  // What changed while no stream was open is told now.
  door.streams.refresh(identity).catch((thrown) => internal(door, thrown));
  return stream.response;
}

function standingChannel({ unread }: Door, session: Session): Channel {
  const { shelf, primes, keyId } = session;
  return openChannel({ shelf, primes, unread, keyId, idText: "", abandoned: () => undefined });
}

export function deleteSession(door: Door, caller: Caller): Response {
  const session = standing(door, caller);
  return session instanceof Response ? session : endSession(door, session);
}

/** 2026-07-28 has neither method; a client of it probes for that with a 405. */
function standing(door: Door, caller: Caller) {
  const { headers } = caller.request;
  const version = headers.get("mcp-protocol-version");
  if (version !== null && eraOf(version) === "modern") return notHere();
  if (headers.get("mcp-session-id") === null) return notHere();
  if (version !== null && eraOf(version) === undefined) {
    return rpcError(plain("GW_VERSION", "MCP-Protocol-Version names no version of this gateway"));
  }
  return sessionOf(door, caller);
}

function notHere(): Response {
  return rpcError(plain("GW_METHOD_NOT_ALLOWED"), undefined, { allow: "POST" });
}
