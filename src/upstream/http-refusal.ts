/** What an HTTP answer with another status than 2xx says about a call. */

import type { StrictBody } from "../protocol/message.ts";
import { readUpstream } from "../protocol/strict-json.ts";
import { classify } from "./classify.ts";
import { errorCode } from "./handshake.ts";
import { refusalText } from "./http-ask.ts";
import type { Session } from "./http-connect.ts";
import { sessionLost, wantsSession } from "./http-session.ts";

export type Refusal =
  /** The server forgot the session, and did not run the call. */
  | { readonly kind: "session" }
  /** Another server speaks there now, of the other family, and did not run the call. */
  | { readonly kind: "era"; readonly cause: string }
  /** It is the answer: an error of the call itself. */
  | { readonly kind: "answer"; readonly body: StrictBody }
  /** A mirrored header is missing or wrong: the list that names them is old (-32020). */
  | { readonly kind: "headers"; readonly cause: string }
  | { readonly kind: "fault"; readonly cause: string; readonly mayHaveRun: boolean };

export function judgeRefusal(
  { id, again }: { readonly id: number; readonly again: boolean },
  session: Session,
  status: number,
  bytes: Uint8Array,
): Refusal {
  if (session.id !== undefined && !again && sessionLost(status, bytes)) return { kind: "session" };
  const read = readUpstream(bytes);
  const body = read.ok ? read.value : undefined;
  const cause = `it answered ${refusalText({ status, body })}`;
  const code = body === undefined ? undefined : errorCode(body);
  const message = body === undefined ? undefined : classify(body);
  const ours = message?.kind === "response" && message.id === id;
  const named = code === headerMismatch || code === versionUnknown;
  if (
    !again &&
    (named ? session.hello.era === "legacy" : !ours && isOther(session, status, bytes))
  ) {
    return { kind: "era", cause };
  }
  if (code === headerMismatch) return { kind: "headers", cause };
  // -32022 is about this hop, not about the client's request.
  if (ours && code !== versionUnknown) return { kind: "answer", body: message.body };
  return { kind: "fault", cause, mayHaveRun: status >= 500 };
}

const [headerMismatch, versionUnknown] = [-32020, -32022];

/** A server that was restarted as an older version, or without sessions. */
function isOther({ hello, id }: Session, status: number, bytes: Uint8Array): boolean {
  if (hello.era === "modern") return wantsSession(status, bytes);
  return id === undefined && sessionLost(status, bytes);
}
