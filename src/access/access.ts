/** What the doors know of keys: a header in, an identity or a refusal out; memory only. */

import type { GatewayError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { Result } from "../base/result.ts";

export interface Access {
  /**
   * The raw Authorization header (null: none). Refusals: GW_KEY_MISSING, GW_KEY_UNKNOWN,
   * GW_KEY_EXPIRED, GW_KEY_REVOKED, GW_KEYS_UNAVAILABLE. Never waits, never does I/O (F7).
   */
  authenticate(authorization: string | null): Result<Identity, GatewayError>;
  /**
   * Whether this identity would still be let in: false once its key was revoked, has expired or
   * lost a role. For whoever waited between authenticate and what it does (F11). Never waits.
   */
  isLive(identity: Identity): boolean;
  /** Called with the ids of keys that stopped being valid, so that their streams end (F11). */
  onGone(listener: (keyIds: readonly string[]) => void): void;
  status(): AccessStatus;
}

/** One object per key while nothing about the key changes: usable as a Map or WeakMap key. */
export interface Identity {
  readonly keyId: string;
  readonly keyName: string;
  readonly roles: readonly string[];
  /** Claims of a token (OIDC), empty for API keys. The same shape as a policy Subject. */
  readonly claims: JsonObject;
  readonly expiresMs: number | null;
}

export interface AccessStatus {
  /** store: as of the last refresh; snapshot: from data_dir, no store yet; none: 503. */
  readonly source: "store" | "snapshot" | "none" | "open";
  readonly keys: number;
  readonly refreshedMs: number | null;
  readonly error: string | undefined;
}
