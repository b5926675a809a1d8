/** What the parts of the HTTP front share: state, and the ports they were given. */

import type { Identity } from "../access/access.ts";
import type { HttpRequest } from "../base/http-request.ts";
import type { Roster } from "../base/roster.ts";
import type { Peer } from "../runtime/runtime.ts";
import type { WaitingBody } from "./body.ts";
import type { Exchange } from "./exchange.ts";
import type { RequestHead } from "./head.ts";
import type { Accepts } from "./media.ts";
import type { OldStream } from "./old-sse.ts";
import type { Outlet } from "./outlet.ts";
import type { FrontPorts } from "./ports.ts";
import type { Promised } from "./promised.ts";
import type { Queued } from "./queued.ts";
import type { Replay } from "./replay.ts";
import type { Sessions } from "./sessions.ts";
import type { Streams } from "./streams.ts";
import type { Found } from "./take-up.ts";
import type { Unread } from "./unread.ts";
import type { Watchers } from "./watched.ts";

export interface Door {
  readonly ports: FrontPorts;
  readonly sessions: Sessions;
  /** Events that clients may ask for again. */
  readonly replay: Replay;
  readonly streams: Streams;
  readonly watchers: Watchers;
  /** HTTP+SSE, by the id that its clients post to. */
  readonly oldStreams: Map<string, OldStream>;
  /** Sessions that are being taken up, and ended ones, by digest. */
  readonly takenUp: Map<string, Promise<Found>>;
  readonly ended: Set<string>;
  /** Requests without an answer. */
  readonly exchanges: Roster<Exchange>;
  /** Requests whose body is not complete. */
  readonly bodies: Roster<WaitingBody>;
  /** Large answers on their way. */
  readonly unread: Unread;
  /** What of them nobody can count. */
  readonly queued: Queued;
  draining: boolean;
  /** Told of each refusal. */
  refused: ((request: HttpRequest | undefined, response: Response) => void) | undefined;
}

/** One authenticated request to /mcp; before it is let in, it is nobody's. */
export interface Caller extends Promised {
  identity: Identity;
  readonly request: HttpRequest;
  readonly head: RequestHead;
  readonly peer: Peer;
  /** Where its answer leaves together with others: in a batch, or on the stream of HTTP+SSE. */
  readonly shared: { readonly accepts: Accepts; readonly outlet: Outlet } | undefined;
  /** `door.refused` was told, or is not to be. */
  refused: boolean;
}

/** May nothing. */
export const nobody: Identity = Object.freeze({
  ...{ keyId: "", keyName: "", roles: [], claims: {}, expiresMs: null },
});

export type Answer = Response | Promise<Response>;
