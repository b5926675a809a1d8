/** Types and paths of the control API: all that CLI and TUI know of a running gateway. */

import type { AccessStatus } from "../access/access.ts";
import type { AuditStatus } from "../audit/audit.ts";
import type { UpstreamStatus } from "../upstream/upstream.ts";

export const paths = {
  status: "/v1/status",
  keys: "/v1/keys",
  revoke: "/v1/keys/revoke",
  rotate: "/v1/keys/rotate",
  tools: "/v1/tools",
  why: "/v1/tools/why",
  receipts: "/v1/receipts",
  receipt: "/v1/receipts/show",
  reload: "/v1/reload",
} as const;

export interface GatewayStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedMs: number;
  readonly listen: readonly string[];
  readonly dataDir: string;
  readonly config: string;
  readonly policy: {
    readonly hash: string;
    readonly files: readonly string[];
    readonly rules: number;
  };
  readonly access: AccessStatus;
  readonly audit: AuditStatus;
  /** Settings of the store that make a commit less than durable, for people. */
  readonly warnings: readonly string[];
  readonly servers: readonly (UpstreamStatus & { readonly id: string; readonly tools: number })[];
  readonly sessions: number;
  readonly streams: number;
  readonly inFlight: number;
  readonly rssBytes: number;
}

/** A failed request: HTTP status of the code, this body. */
export interface AdminError {
  readonly code: string;
  readonly message: string;
  readonly cause: string;
  readonly fix: string;
}

/** POST keys: {name, roles, expires_in_ms?} → the token, shown once. */
export interface CreatedKey {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly roles: readonly string[];
  readonly token: string;
  readonly expires_at: string | null;
}

export interface ListedKey {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  readonly state: "live" | "expired" | "revoked";
}

/** GET tools?key=NAME: what there is, and with a key what it sees. */
export interface ListedTool {
  /** `server/tool`. */
  readonly tool: string;
  /** Name agents use. */
  readonly exposed: string;
  /** For the named key; null without one, and where the tool is offered to nobody. */
  readonly visible: "allow" | "deny" | "depends" | null;
  /** Why it is offered to nobody; null when it is offered. */
  readonly held_back: string | null;
  /** Names of the arguments that its schema declares: what `other_args: declared` goes by. */
  readonly declared: readonly string[];
}

/** GET tools/why?tool=SERVER/TOOL&key=NAME. */
export interface ToolWhy {
  readonly tool: string;
  readonly key: string;
  readonly visible: boolean;
  /** One sentence. */
  readonly why: string;
  readonly visibility: "allow" | "deny" | "depends" | null;
}

/** GET receipts/show?id=ID: the records of one call, bodies as they are hashed. */
export interface ReceiptDetail {
  readonly id: string;
  readonly chain: string;
  readonly records: readonly {
    readonly seq: number;
    readonly kind: string;
    readonly hash: string;
    readonly prev: string;
    /** JSON text. */
    readonly body: string;
  }[];
}
