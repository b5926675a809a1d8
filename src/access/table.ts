/** Keys in memory: from a header to an identity or a refusal, without I/O. */

import { timingSafeEqual } from "node:crypto";
import { fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { no, ok, type Result } from "../base/result.ts";
import type { KeyRow } from "../store/store.ts";
import type { Identity } from "./access.ts";
import { bearerToken, isBearer, tokenHash } from "./token.ts";

export interface KeyTable {
  /** Replaces all keys; undefined: nothing is known, so nobody is let in. */
  set(rows: readonly KeyRow[] | undefined): void;
  rows(): readonly KeyRow[];
  known(): boolean;
  authenticate(authorization: string | null): Result<Identity, GatewayError>;
  isLive(identity: Identity): boolean;
  /** Ids that were live at the last call of this and are not now. */
  takeGone(): readonly string[];
  /** Wall time of the next expiry of a live key. */
  nextExpiryMs(): number | undefined;
}

interface Entry {
  readonly row: KeyRow;
  readonly digest: Uint8Array;
  readonly identity: Identity;
  /** What the caller gets when the key is good: made once. */
  readonly good: Result<Identity, GatewayError>;
}

export function keyTable(clock: Clock): KeyTable {
  let byDigest: Map<string, Entry> | undefined;
  let byId = new Map<string, Entry>();
  /** Headers of known keys, whatever their state: that is looked at on each call. */
  const byHeader = new Map<string, Entry>();
  let live = new Set<string>();

  const find = (header: string): Entry | undefined => {
    const token = bearerToken(header);
    if (token === undefined) return undefined;
    const digest = tokenHash(token);
    const entry = byDigest?.get(digest);
    // F8: the lookup is by a hash nobody can steer; the last word has a comparison in equal time.
    if (entry === undefined || !timingSafeEqual(entry.digest, bytesOf(digest))) return undefined;
    if (byHeader.size >= limits.authCacheEntries) byHeader.clear();
    byHeader.set(header, entry);
    return entry;
  };

  return {
    set(rows) {
      const next = new Map<string, Entry>();
      for (const row of rows ?? []) next.set(row.id, keep(byId.get(row.id), row));
      byId = next;
      byDigest =
        rows === undefined
          ? undefined
          : new Map([...next.values()].map((entry) => [entry.row.tokenHash, entry]));
      byHeader.clear();
    },
    rows: () => [...byId.values()].map((entry) => entry.row),
    known: () => byDigest !== undefined,
    authenticate(authorization) {
      if (authorization === null || authorization === "") return missing;
      if (byDigest === undefined) return unavailable;
      const entry = byHeader.get(authorization) ?? find(authorization);
      if (entry !== undefined) return stateOf(entry, clock.now());
      return isBearer(authorization) ? unknown : malformed;
    },
    isLive(identity) {
      const entry = byId.get(identity.keyId);
      if (entry === undefined || !isLive(entry.row, clock.now())) return false;
      const { roles } = entry.row;
      return entry.identity === identity || identity.roles.every((role) => roles.includes(role));
    },
    takeGone() {
      const now = clock.now();
      const alive = [...byId.values()].filter((entry) => isLive(entry.row, now));
      const next = new Set(alive.map((entry) => entry.row.id));
      const gone = [...live].filter((id) => !next.has(id));
      live = next;
      return gone;
    },
    nextExpiryMs() {
      const now = clock.now();
      const times = [...byId.values()]
        .filter((entry) => isLive(entry.row, now))
        .flatMap((entry) => entry.row.expiresMs ?? []);
      return times.length === 0 ? undefined : times.reduce((least, ms) => Math.min(least, ms));
    },
  };
}

export function isLive(row: KeyRow, nowMs: number): boolean {
  return row.revokedMs === null && (row.expiresMs === null || nowMs < row.expiresMs);
}

function stateOf(entry: Entry, nowMs: number): Result<Identity, GatewayError> {
  if (isLive(entry.row, nowMs)) return entry.good;
  const { name, revokedMs, expiresMs } = entry.row;
  const [code, word, ms] =
    revokedMs !== null
      ? (["GW_KEY_REVOKED", "was revoked", revokedMs] as const)
      : (["GW_KEY_EXPIRED", "expired", expiresMs ?? 0] as const);
  return no(fault(code, { message: `Key "${name}" ${word} at ${new Date(ms).toISOString()}` }));
}

/** The entry of before while nothing that an identity shows has changed. */
function keep(old: Entry | undefined, row: KeyRow): Entry {
  const same =
    old !== undefined &&
    old.row.name === row.name &&
    old.row.expiresMs === row.expiresMs &&
    old.row.tokenHash === row.tokenHash &&
    old.row.roles.join() === row.roles.join();
  if (same) return old.row.revokedMs === row.revokedMs ? old : { ...old, row };
  const identity: Identity = Object.freeze({
    keyId: row.id,
    keyName: row.name,
    roles: Object.freeze([...row.roles]),
    claims: Object.freeze({}),
    expiresMs: row.expiresMs,
  });
  return { row, identity, digest: bytesOf(row.tokenHash), good: ok(identity) };
}

function bytesOf(hex: string): Uint8Array {
  return Buffer.from(hex, "hex");
}

// One object each: a flood of bad tokens should not pay for a stack trace apiece.
const missing = no(fault("GW_KEY_MISSING", { message: "The request carries no API key" }));
const unknown = no(fault("GW_KEY_UNKNOWN", { message: "No key has this token" }));
const malformed = no(
  fault("GW_KEY_UNKNOWN", {
    message: "The Authorization header is not `Bearer <token>`",
    fix: "send `Authorization: Bearer <token>`: that word, one space, and the token of a key",
  }),
);
const unavailable = no(
  fault("GW_KEYS_UNAVAILABLE", { message: "No key store could be read since the start" }),
);
