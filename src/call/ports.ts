/** What the call path needs; given once by gateway/serve.ts. */

import type { Identity } from "../access/access.ts";
import type { Audit } from "../audit/audit.ts";
import type { Clock } from "../base/ports.ts";
import type { Sealer } from "../base/seal.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Policy } from "../policy/model.ts";
import type { Board } from "./board.ts";
import type { Parks } from "./bridge/parks.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Repeats } from "./repeats.ts";
import type { ResourceHub } from "./resource-hub.ts";
import type { Tasks } from "./task-table.ts";

export interface CallPorts {
  readonly audit: Audit;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly board: Board;
  readonly sealer: Sealer;
  readonly repeats: Repeats;
  readonly resources: ResourceHub;
  readonly parks: Parks;
  readonly tasks: Tasks;
  /** A key may have ended while its call waited (F11). */
  isLive(identity: Identity): boolean;
  /** The policy in force now: a call keeps the one it began with (P28). */
  policy(): Policy;
  /** JSON text of our own clientInfo towards servers. */
  readonly clientInfoText: string;
  /** Only at log level debug: then a call gets ports of its own (gateway/debug-frames.ts). */
  readonly debug: ((message: string, fields: Record<string, unknown>) => void) | undefined;
  error(message: string, fields: Record<string, unknown>): void;
}
