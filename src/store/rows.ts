/** From database rows to what the Store interface gives, and from receipt ids to chains. */

import { fault, type GatewayError } from "../base/errors.ts";
import { isObject, type JsonObject } from "../base/json.ts";
import type { KeyRow, ReceiptRow, SessionChanges, SessionRow } from "./store.ts";

/** What begins a call joined with its outcome, as both databases select it. */
export interface JoinedRow {
  readonly chain: string;
  readonly seq: number;
  readonly at_ms: number | null;
  readonly key_name: string | null;
  readonly server: string | null;
  readonly tool: string | null;
  readonly effect: string | null;
  readonly rule: string | null;
  readonly outcome: string | null;
  readonly code: string | null;
  readonly args_bytes: number | null;
  readonly result_bytes: number | null;
  readonly took_ms: number | null;
}

export function toReceiptRow(row: JoinedRow): ReceiptRow {
  return {
    id: `r-${row.chain.replaceAll("-", "").slice(0, idHex)}-${row.seq}`,
    seq: row.seq,
    time: row.at_ms === null ? "" : new Date(row.at_ms).toISOString(),
    key: row.key_name ?? "",
    server: row.server ?? "",
    tool: row.server === null ? (row.tool ?? "") : `${row.server}/${row.tool ?? ""}`,
    effect: row.effect ?? "",
    rule: row.rule,
    outcome: row.outcome,
    code: row.code,
    args_bytes: row.args_bytes ?? 0,
    result_bytes: row.result_bytes,
    took_ms: row.took_ms,
  };
}

const idHex = 12;

/** First and last chain an id can mean, and its seq; undefined when it is not an id. */
export function readReceiptId(
  id: string,
): { first: string; last: string; seq: number } | undefined {
  const [r, hex, digits, ...rest] = id.split("-");
  if (r !== "r" || hex === undefined || digits === undefined || rest.length > 0) return undefined;
  const seq = Number(digits);
  if (hex.length !== idHex || !isHex(hex) || !Number.isSafeInteger(seq)) return undefined;
  if (String(seq) !== digits) return undefined;
  return { first: uuidFrom(hex, "0"), last: uuidFrom(hex, "f"), seq };
}

function uuidFrom(hex: string, fill: string): string {
  const all = hex.padEnd(32, fill);
  const cuts: readonly (readonly [number, number])[] = [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ];
  return cuts.map(([from, to]) => all.slice(from, to)).join("-");
}

/** A chain id as gateways write it: a uuid in lower case. */
export function isChain(chain: unknown): chain is string {
  if (typeof chain !== "string" || chain.length !== 36) return false;
  const hex = chain.replaceAll("-", "");
  return hex.length === 32 && isHex(hex) && uuidFrom(hex, "0") === chain;
}

function isHex(text: string): boolean {
  for (const character of text) if (!"0123456789abcdef".includes(character)) return false;
  return true;
}

/** `server/tool` as its two columns; a name without a slash is a tool of any server. */
export function splitTool(name: string): { server: string | undefined; tool: string } {
  const slash = name.indexOf("/");
  if (slash < 0) return { server: undefined, tool: name };
  return { server: name.slice(0, slash), tool: name.slice(slash + 1) };
}

/** A key as both databases hold it; Postgres gives bigint as text. */
export interface StoredKey {
  readonly id: string;
  readonly name: string;
  readonly roles: string;
  readonly token_hash: string;
  readonly created_ms: number | string;
  readonly expires_ms: number | string | null;
  readonly revoked_ms: number | string | null;
}

export function toKeyRow(row: StoredKey): KeyRow {
  return {
    id: row.id,
    name: row.name,
    roles: row.roles.split(","),
    tokenHash: row.token_hash,
    createdMs: Number(row.created_ms),
    expiresMs: row.expires_ms === null ? null : Number(row.expires_ms),
    revokedMs: row.revoked_ms === null ? null : Number(row.revoked_ms),
  };
}

export function nameTaken(name: string): GatewayError {
  return fault("GW_NAME", {
    message: `Cannot make key "${name}"`,
    cause: "a live key has this name",
    fix: `choose another name, or \`authensor-gw keys rotate ${name}\``,
  });
}

export function notLive(id: string): GatewayError {
  return fault("GW_NAME", { message: `Cannot replace key ${id}`, cause: "it is not a live key" });
}

/** A row of `gateway_sessions`; the drivers give bigints as text or as numbers. */
export interface StoredSession {
  readonly digest: string;
  readonly key_id: string;
  readonly ends_ms: string | number;
  readonly ended_ms: string | number | null;
  readonly state: string;
  readonly version: string | number;
}

export function toSessionRow(row: StoredSession): SessionRow & { readonly version: number } {
  return {
    digest: row.digest,
    keyId: row.key_id,
    endsMs: Number(row.ends_ms),
    endedMs: row.ended_ms === null ? null : Number(row.ended_ms),
    state: row.state,
    version: Number(row.version),
  };
}

/** The state of a row with a change laid over it. */
export function patched(before: string | undefined, patch: JsonObject): string {
  const state = new Map(Object.entries(parsed(before ?? "{}")));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) state.delete(key);
    else state.set(key, value);
  }
  return JSON.stringify(Object.fromEntries(state));
}

function parsed(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  return isObject(value) ? value : {};
}

/** Rows after a version, lowest first. */
export function toSessionChanges(since: number, stored: readonly StoredSession[]): SessionChanges {
  const rows = stored.map(toSessionRow);
  return { version: rows.at(-1)?.version ?? since, rows };
}
