/** One method of the table in methods.ts. */

import type { BriefObject } from "../base/brief.ts";
import type { GatewayError } from "../base/errors.ts";
import type { Guess, Item } from "../catalog/catalog.ts";
import type { Era } from "../protocol/message.ts";
import type { Replaced } from "../protocol/translate/params.ts";
import type { Forwarded } from "./answer.ts";
import type { LiveCall } from "./board.ts";
import type { Handling, Incoming, Reply } from "./incoming.ts";
import type { CallPorts } from "./ports.ts";

export interface Method {
  /** Eras in which the method exists. */
  readonly eras: readonly Era[];
  run(incoming: Incoming, reply: Reply, ports: CallPorts): Handling;
}

/** A method that policy decides: what THE PATH (call.ts) has to know of it. */
export interface Decided {
  /** Params members that the receipt names or has the digest of; `params_hash` is of the others. */
  readonly covers: readonly string[];
  parse(incoming: Incoming, ports: CallPorts): DecidedCall | GatewayError;
  /** 2026-07-28 mirrors no name of it. */
  readonly unnamed?: true;
  /** The arguments of the call that it is about are not here: what that could be is allowed. */
  readonly anyArgs?: true;
  /** Instead of sending it to its server as it is. */
  readonly perform?: (call: DecidedCall, item: Item, to: Performing) => Promise<Forwarded>;
}

export interface Performing {
  readonly incoming: Incoming;
  readonly ports: CallPorts;
  readonly live: LiveCall;
}

export interface DecidedCall {
  readonly method: Decided;
  /** As the agent wrote it. */
  readonly exposed: string;
  /** undefined: no server offers it; such a call is refused with a receipt. */
  readonly item: Item | undefined;
  /** What an unknown name was meant to be: for the receipt and the error text. */
  readonly guess: Guess | undefined;
  /** What policy knows as `args`. */
  readonly args: BriefObject;
  /** What the receipt has the digest of, as it came; undefined when absent: that is {} (P37). */
  readonly argsBytes: Uint8Array | undefined;
  /** A params member with the server's own name or id in it; undefined: none. */
  readonly replaced: Replaced | undefined;
  /** The task that it is about; undefined: none. */
  readonly task: { readonly id: string; readonly name: string } | undefined;
}
