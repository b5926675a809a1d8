/** What tools exist, under which names agents see them, and what each key may see. */

import type { Candidates, Subject } from "../policy/model.ts";
import type { Era } from "../protocol/message.ts";
import type { Upstream } from "../upstream/upstream.ts";

export interface Catalog {
  /** The tool behind an exposed name; undefined when no server offers it now. */
  tool(exposed: string): Tool | undefined;
  /** The prompt behind an exposed name; undefined when no server offers it now. */
  prompt(exposed: string): Item | undefined;
  /**
   * Whoever serves this URI: listed, or by a template, or the only server that has resources at
   * all. undefined: nobody.
   */
  resource(uri: string): Item | undefined;
  /** Prepared rules of this key for this item; kept until keys, policy or the item change. */
  candidates(subject: Subject, item: Item): Candidates;
  /** What this key sees, ready as JSON text of the `tools` array; waits for first starts. */
  visibleTools(subject: Subject, era: Era): Promise<VisibleList>;
  /**
   * While servers are in their first start: resolves when all are listed or have failed, at the
   * latest limits.startWaitMs after it was asked. undefined afterwards.
   */
  starting(): Promise<void> | undefined;
  /** Told when the visible list of a key may have changed, coalesced (R12). */
  onChange(listener: () => void): () => void;
  all(): readonly Tool[];
  /** What a name that nobody offers was meant to be: for receipts and error texts only. */
  guess(exposed: string): Guess | undefined;
  /** Why the last list of a server failed; undefined while its list is good. */
  listFault(server: string): string | undefined;
  /** Tools that are not offered, and why. */
  quarantined(): readonly {
    readonly server: string;
    readonly name: string;
    readonly why: string;
  }[];
  /** Forget what was prepared: the policy changed. */
  policyChanged(): void;
  stop(): void;
}

export interface Guess {
  readonly server: string;
  readonly tool: string;
  /** Why the server's tools are not known; undefined: they are, and this is none of them. */
  readonly unlisted: string | undefined;
}

export interface VisibleList {
  readonly json: string;
  /** sha256 of json: streams tell a client only when its own list changed. */
  readonly hash: string;
}

/** What a decided request goes to. */
export interface Item {
  readonly kind: "tool" | "resource" | "prompt";
  /** Name agents use: `server__tool` or as `naming` says; a resource's URI as it is. */
  readonly exposed: string;
  readonly server: string;
  /** The server's own name, or the URI. */
  readonly name: string;
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
  readonly timeout: { readonly idleMs: number; readonly maxMs: number; readonly setting: string };
}

export interface Tool extends Item {
  readonly kind: "tool";
  readonly declared: ReadonlySet<string>;
  /** The definition as JSON text with the exposed name, by era; undefined: not expressible. */
  readonly text: Readonly<Record<Era, string | undefined>>;
}

export interface ParamHeader {
  /** As written in the schema: the header is `Mcp-Param-<name>`. */
  readonly name: string;
  readonly path: readonly string[];
}
