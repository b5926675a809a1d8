/**
 * Which protocol family a message belongs to: the body says it, the header must agree (F17, F18).
 */

import { catalogue } from "../base/error-codes.ts";
import type { ErrorCode } from "../base/errors.ts";
import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { no, ok, type Result } from "../base/result.ts";
import { metaKeys } from "./known-keys.ts";
import type { Era, Message } from "./message.ts";
import { eraOf, legacyRevisions, modernRevisions } from "./versions.ts";

/** A refusal of the protocol ladder: HTTP status, JSON-RPC code, and our code for `data.code`. */
export interface RpcProblem {
  readonly http: number;
  readonly rpc: number;
  readonly code: ErrorCode;
  /** Safe to show. */
  readonly message: string;
  /** Goes into `error.data` beside `code`. */
  readonly data?: JsonObject;
}

export interface Classified {
  readonly era: Era;
  /** The revision of a modern message; of a legacy one the header's, undefined when it has none. */
  readonly protocol: string | undefined;
}

/**
 * `versionHeader`: MCP-Protocol-Version; null when absent or when the transport has no headers.
 * Errors: GW_ENVELOPE (-32602), GW_VERSION (-32022), GW_HEADER_MISMATCH (-32020), all HTTP 400.
 */
export function classify(
  message: Message,
  versionHeader: string | null,
): Result<Classified, RpcProblem> {
  // Modern peers send no responses, so a posted one is legacy.
  if (message.kind === "response") return legacy(versionHeader ?? undefined);
  const meta = member(message.params, "_meta");
  const claim = isObject(meta) ? member(meta, metaKeys.protocolVersion) : undefined;
  if (claim === undefined || !isObject(meta)) return withoutClaim(message, versionHeader);
  if (typeof claim !== "string") {
    return no(problem("GW_ENVELOPE", `_meta "${metaKeys.protocolVersion}" must be a string`));
  }
  if (versionHeader !== null && versionHeader !== claim) {
    return no(problem("GW_HEADER_MISMATCH", "MCP-Protocol-Version is not the version in _meta"));
  }
  if (eraOf(claim) === undefined) return no(unsupported(claim));
  if (eraOf(claim) === "legacy") return legacy(claim);
  if (message.kind === "request") {
    const missing = checkEnvelope(meta);
    if (missing !== undefined) return no(missing);
    if (versionHeader === null) {
      return no(problem("GW_HEADER_MISMATCH", "the MCP-Protocol-Version header is missing"));
    }
  }
  return ok({ era: "modern", protocol: claim });
}

/** A problem with the status and code of its row in the catalogue. */
export function problem(code: ErrorCode, message: string, data?: JsonObject): RpcProblem {
  const { http, rpc } = catalogue[code];
  return { http, rpc, code, message, ...(data === undefined ? {} : { data }) };
}

function withoutClaim(
  message: Message,
  versionHeader: string | null,
): Result<Classified, RpcProblem> {
  if (versionHeader === null) return legacy(undefined);
  // initialize negotiates in its body; clients send no header with it, or the one of an old
  // session.
  if (message.kind === "request" && message.method === "initialize") {
    return legacy(undefined);
  }
  if (eraOf(versionHeader) === undefined) return no(unsupported(versionHeader));
  if (eraOf(versionHeader) === "legacy") return legacy(versionHeader);
  // Notifications carry no envelope, so there the header decides.
  if (message.kind === "notification") return ok({ era: "modern", protocol: versionHeader });
  return no(problem("GW_ENVELOPE", `_meta lacks "${metaKeys.protocolVersion}"`));
}

function legacy(protocol: string | undefined): Legacy {
  return legacies.get(protocol) ?? ok({ era: "legacy", protocol });
}

type Legacy = Result<Classified, never>;

/** Made once: each message of each session gets one of them. */
const legacies: ReadonlyMap<string | undefined, Legacy> = new Map(
  [undefined, ...legacyRevisions].map((protocol) => [protocol, ok({ era: "legacy", protocol })]),
);

function unsupported(requested: string): RpcProblem {
  const data = { supported: modernRevisions, requested: requested.slice(0, 64) };
  return problem("GW_VERSION", "this protocol version is not supported", data);
}

function checkEnvelope(meta: JsonObject): RpcProblem | undefined {
  if (!isObject(member(meta, metaKeys.clientCapabilities))) {
    return problem("GW_ENVELOPE", `_meta lacks the object "${metaKeys.clientCapabilities}"`);
  }
  const info = member(meta, metaKeys.clientInfo);
  if (info !== undefined && !isObject(info)) {
    return problem("GW_ENVELOPE", `_meta "${metaKeys.clientInfo}" must be an object`);
  }
  const level = member(meta, metaKeys.logLevel);
  if (level === undefined || isLogLevel(level)) return undefined;
  return problem("GW_ENVELOPE", `_meta "${metaKeys.logLevel}" is not a log level`);
}

export function isLogLevel(level: Json | undefined): level is string {
  return typeof level === "string" && logLevels.includes(level);
}

const logLevels: readonly string[] = [
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
];
