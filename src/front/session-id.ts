/**
 * The id of a legacy session says all that a gateway needs to take it up: sealed, so that only the
 * key it was made for can use it, on any gateway with the same seal key, after any restart (F14).
 */

import { createHash } from "node:crypto";
import { isObject, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Sealer } from "../base/seal.ts";
import { legacyRevisions } from "../protocol/versions.ts";

export interface SessionFacts {
  readonly protocol: string;
  readonly client: { readonly name: string; readonly version: string };
  /** As declared, JSON text; undefined: too long for a header, so the store has them. */
  readonly capabilities: string | undefined;
  readonly issuedMs: number;
}

export function sealSession(sealer: Sealer, keyId: string, facts: SessionFacts): string {
  const { protocol, client, capabilities, issuedMs } = facts;
  const fields = [version, protocol, capabilities ?? null, client.name, client.version, issuedMs];
  return sealer.seal("session", keyId, JSON.stringify(fields));
}

/** undefined for whatever is no session of this key. */
export function openSession(sealer: Sealer, keyId: string, id: string): SessionFacts | undefined {
  if (id.length > limits.sessionIdBytes) return undefined;
  const text = sealer.open("session", keyId, id);
  if (text === undefined) return undefined;
  const fields: unknown = JSON.parse(text);
  // What a later version seals is not understood here; its client initializes again.
  if (!Array.isArray(fields) || fields[0] !== version) return undefined;
  const [, protocol, capabilities, name, clientVersion, issuedMs] = fields;
  if (!legacyRevisions.includes(protocol)) return undefined;
  return {
    ...{ protocol, issuedMs, capabilities: capabilities ?? undefined },
    client: { name, version: clientVersion },
  };
}

const version = 1;

/** What receipts, logs and the store call a session: nobody can use it as one. */
export function digestOf(id: string): string {
  return createHash("sha256").update(id).digest("hex").slice(0, 32);
}

/** Sealed or kept by the store, the text is our own. */
export function capabilitiesOf(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  return isObject(value) ? value : {};
}

/** What the store keeps of a session. */
export interface KeptState {
  readonly logLevel: string | undefined;
  readonly watched: readonly string[];
  /** Where they are not in the id. */
  readonly capabilities: string | undefined;
}

/**
 * A change of it. Only what changed is written, one member a URI: two gateways may change the same
 * session at the same time.
 */
export const patches = {
  logLevel: (level: string): JsonObject => ({ level }),
  watched: (uri: string, watched: boolean): JsonObject => ({ [`u:${uri}`]: watched ? 1 : null }),
  capabilities: (text: string): JsonObject => ({ capabilities: text }),
} as const;

export function readState(state: JsonObject): KeptState {
  return {
    logLevel: textOf(member(state, "level")),
    watched: Object.keys(state).flatMap((key) => (key.startsWith("u:") ? [key.slice(2)] : [])),
    capabilities: textOf(member(state, "capabilities")),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
