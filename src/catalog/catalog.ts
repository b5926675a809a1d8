/** What servers offer, under which names agents see it, and what each key may see. */

import type { GatewayError } from "../base/errors.ts";
import type { SizeLimit } from "../base/units.ts";
import type { Candidates, Subject, Target } from "../policy/model.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type { Era } from "../protocol/message.ts";
import type { SelfDescription } from "../protocol/translate/initialize.ts";
import type { Origin, Upstream } from "../upstream/upstream.ts";

export interface Catalog {
  /** The tool behind an exposed name; undefined when no server offers it now. */
  tool(exposed: string): Tool | undefined;
  /** The prompt behind an exposed name; undefined when no server offers it now. */
  prompt(exposed: string): Item | undefined;
  /**
   * Whoever serves this URI: listed, or by a template, or the only server that has resources at
   * all. undefined: nobody. A template's own text (the ref of a completion) is found as well.
   */
  resource(uri: string): Item | undefined;
  /** Prepared rules of this key for this item; kept until keys, policy or the item change. */
  candidates(subject: Subject, item: Item): Candidates;
  /**
   * JSON text of the result with one page of what this key sees; waits for first starts. Rejects
   * with GW_METHOD where nobody has such a list, with GW_CURSOR for a cursor that was not given to
   * this key for the list as it is now.
   */
  page(method: ListMethod, subject: Subject, era: Era, cursor: string | undefined): Promise<string>;
  /** A client lists: servers may offer more to clients that can be asked; told as a change. */
  meet(client: Origin): void;
  /** Changes whenever what this key sees of the list changes; waits for first starts. */
  visibleHash(method: ListMethod, subject: Subject): Promise<string>;
  /** What the servers that this key can reach say of themselves; waits for first starts. */
  hello(subject: Subject, era: Era): Promise<Omit<SelfDescription, "serverInfo">>;
  /**
   * While servers whose list is not known are in their first start: resolves when it is read or has
   * failed, at the latest start_wait after the catalog was opened. undefined afterwards.
   */
  starting(method?: ListMethod): Promise<void> | undefined;
  /** Told when these lists of any key may have changed, coalesced (R12). */
  onChange(listener: (changed: ReadonlySet<ListMethod>) => void): () => void;
  /** Every tool, in the order of config and list. */
  all(): readonly Tool[];
  /** The same for any list; templates are resources whose name is their text. */
  listed(method: ListMethod): readonly Item[];
  /** How much of a list is of this server. */
  count(method: ListMethod, server: string): ListCount;
  /** What policy is asked about it. */
  target(item: Item): Target;
  /** What a name that nobody offers was meant to be: for receipts and error texts only. */
  guess(exposed: string, kind?: Item["kind"]): Guess | undefined;
  /** Why the last read of one of a server's lists failed; undefined while all are good. */
  listFault(server: string): ListFault | undefined;
  /** Of the oldest list that is shown of a server; undefined while none is. */
  listAge(server: string): ListAge | undefined;
  /** Characters in what a server offers that nobody would see. */
  hidden(server: string): HiddenText;
  /** What is not offered, and why. */
  quarantined(): readonly Quarantined[];
  /** Forget what was prepared: the policy changed. */
  policyChanged(): void;
  /** The set of servers, their settings or `naming` changed; `remade`: ids of the servers. */
  refit(remade: ReadonlySet<string>): void;
  /** Changes are told when it is released, at the latest after limits.startWaitMs. */
  hold(): () => void;
  stop(): void;
}

export interface Guess {
  readonly server: string;
  /** The name behind the server's prefix, or what it had before the server was disabled. */
  readonly tool: string;
  /**
   * Why the server's list is not known: GW_SERVER_DISABLED or GW_UPSTREAM_DOWN; undefined: it is,
   * and this is none of it.
   */
  readonly unlisted: GatewayError | undefined;
}

export interface ListFault {
  readonly method: ListMethod;
  readonly why: string;
}

export interface ListAge {
  /** Wall ms of when the server last said that it is so. */
  readonly readMs: number;
  /** Why it may be out of date; undefined: as far as is known it is not. */
  readonly stale: string | undefined;
  /** When it leaves if that goes on; undefined while it is not stale. */
  readonly leavesMs: number | undefined;
}

export interface HiddenText {
  readonly characters: number;
  /** What they are in, the first ones. */
  readonly items: readonly string[];
}

export interface ListCount {
  readonly offered: number;
  readonly heldBack: number;
}

export interface Quarantined {
  readonly kind: "tool" | "prompt" | "resource" | "template";
  readonly server: string;
  readonly name: string;
  readonly why: string;
  /** How many it stands for, where it is not one. */
  readonly count?: number;
}

/** What a decided request goes to. */
export interface Item {
  readonly kind: "tool" | "resource" | "prompt";
  /** Name agents use: `server__tool` or as `naming` says; a resource's URI as it is. */
  readonly exposed: string;
  readonly server: string;
  /** The server's own name, or the URI. */
  readonly name: string;
  /** What the params of a request to it begin with, which is its name; not of a resource. */
  readonly paramsHead: string | undefined;
  /** `server/tool`, `server/prompt` or the URI: policy, CLI, receipts. */
  readonly target: string;
  readonly upstream: Upstream;
  /** The server reads a message a line (stdio): what is sent to it must be one. */
  readonly lineFramed: boolean;
  /** sha256 of the definition as the server gave it; "" where it gave none. */
  readonly definitionHash: string;
  /** Top-level argument names that the definition declares; undefined: it declares nothing. */
  readonly declared: ReadonlySet<string> | undefined;
  /** Arguments that 2026-07-28 mirrors in Mcp-Param headers; none but a tool's. */
  readonly paramHeaders: readonly ParamHeader[];
  /** The config says that it may run twice; what a server says of itself decides nothing. */
  readonly idempotent: boolean;
  /** Arguments that are larger are refused; undefined: what the body may have. */
  readonly maxArgs?: SizeLimit | undefined;
  readonly timeout: { readonly idleMs: number; readonly maxMs: number; readonly setting: string };
}

export interface Tool extends Item {
  readonly kind: "tool";
  readonly declared: ReadonlySet<string>;
}

export interface ParamHeader {
  /** As written in the schema: the header is `Mcp-Param-<name>`. */
  readonly name: string;
  readonly path: readonly string[];
}
