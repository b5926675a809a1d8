/** One decided request at its server, as the bridge between the eras sees it (forward.ts). */

import type { GatewayError } from "../../base/errors.ts";
import type { Item } from "../../catalog/catalog.ts";
import type { Policy } from "../../policy/model.ts";
import type { Again } from "../../protocol/translate/params.ts";
import type { Untimed } from "../answer.ts";
import type { LiveCall } from "../board.ts";
import type { Asked, Incoming, Reply } from "../incoming.ts";
import type { DecidedCall } from "../method.ts";
import type { CallPorts } from "../ports.ts";

export interface Leg {
  readonly ports: CallPorts;
  readonly call: DecidedCall;
  readonly item: Item;
  /** The one that the call began with (P28). */
  readonly policy: Policy;
  readonly live: LiveCall;
  readonly over: boolean;
  /** The request that waits for the end: after a park another one than the first. */
  incoming: Incoming;
  reply: Reply;
  /** How often its client was asked. */
  rounds: number;
  /** What its client is being asked now; taken back when the call ends. */
  readonly open: Set<Asked>;
  /** The task that the request is about, by the server's id and the client's; undefined: none. */
  readonly task: { readonly id: string; readonly name: string } | undefined;
  /** Ids given to URL questions, to be told of as done. */
  urls: readonly string[];
  /** One question more, or one less, waits for the client: `idle` stands still meanwhile. */
  toClient(): void;
  toServer(): void;
  /** The same request once more, with what the client answered. */
  resend(again: Again): void;
  end(result: Untimed): void;
  /** Ends it and tells the server. */
  fail(error: GatewayError): void;
}
