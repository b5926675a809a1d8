/** The end of a legacy session, whoever ends it: client, key, time, or another gateway. */

import type { JsonObject } from "../base/json.ts";
import type { Door } from "./door.ts";
import { cancel } from "./exchange.ts";
import type { SessionState } from "./ports.ts";
import type { Session } from "./sessions.ts";
import { noteEnded } from "./take-up.ts";

export function endSession(door: Door, session: Session): void {
  door.sessions.end(session);
  door.streams.endClient(session.keyId, session.seen);
  for (const exchange of session.calls.values()) cancel(exchange, "the session was ended");
}

/** DELETE: nobody may take it up again, neither here nor elsewhere. */
export function endForGood(door: Door, session: Session): Response {
  noteEnded(door, session.digest);
  door.ports.sessionStates.write({ ...stateOf(session), ended: true, patch: {} });
  endSession(door, session);
  return new Response(null, { status: 204 });
}

/** For a restart, or another gateway; what dies with its stream is not taken up. */
export function keepChange(
  { ports }: Pick<Door, "ports">,
  session: Session,
  patch: JsonObject,
): void {
  if (!session.bound) ports.sessionStates.write({ ...stateOf(session), patch });
}

function stateOf({ digest, keyId, endsMs }: Session): Omit<SessionState, "state"> {
  return { digest, keyId, endsMs, ended: false };
}
