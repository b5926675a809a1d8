/** What tools exist, under which names agents see them, and what each key may see. */

import type { Identity } from "../access/access.ts";
import type { Candidates } from "../policy/model.ts";
import type { Upstream } from "../upstream/upstream.ts";

export interface Catalog {
  /** The tool behind an exposed name; undefined when no server offers it now. */
  tool(exposed: string): Tool | undefined;
  /** Prepared rules of this key for this tool; kept until keys, policy or the tool change. */
  candidates(identity: Identity, tool: Tool): Candidates;
  /** tools/list of this key as ready JSON text of the `tools` array; waits for first starts. */
  visibleTools(identity: Identity): Promise<VisibleList>;
  /** Told when the visible list of a key may have changed, coalesced. */
  onChange(listener: () => void): () => void;
  all(): readonly Tool[];
}

export interface VisibleList {
  readonly json: string;
  /** sha256 of json: streams tell a client only when its own list changed. */
  readonly hash: string;
}

export interface Tool {
  /** Name agents use: `server__tool` or as `naming` says. */
  readonly exposed: string;
  readonly server: string;
  /** The server's own name. */
  readonly name: string;
  /** `server/tool`: policy, CLI, receipts. */
  readonly target: string;
  readonly upstream: Upstream;
  /** The definition as JSON text with the exposed name. */
  readonly text: string;
  /** sha256 of the definition as the server gave it. */
  readonly definitionHash: string;
  /** Top-level argument names of the input schema. */
  readonly declared: ReadonlySet<string>;
  /** Header name (lower case) to the argument path annotated x-mcp-header. */
  readonly paramHeaders: readonly ParamHeader[];
  readonly timeout: { readonly idleMs: number; readonly maxMs: number; readonly setting: string };
}

export interface ParamHeader {
  /** As written in the schema: the header is `Mcp-Param-<name>`. */
  readonly name: string;
  readonly path: readonly string[];
}
