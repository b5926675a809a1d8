/** The params of a call as its server gets them: the arguments' bytes are those that policy saw. */

import { isObject, type JsonObject, member } from "../../base/json.ts";
import { otherParams, spliced } from "../envelope.ts";
import { metaKeys } from "../known-keys.ts";
import type { Era, Pieces, RequestMessage } from "../message.ts";
import { membersOf } from "../strict-json.ts";
import { modernRevision } from "../versions.ts";

export interface OutgoingParams {
  readonly name: string;
  /** The id of the request to the server, which is its progress token too. */
  readonly id: number;
  /** The server's. */
  readonly era: Era;
  /** JSON objects, for a modern server. */
  readonly capabilitiesText: string;
  readonly clientInfoText: string;
  /** A log level, only for a modern server. */
  readonly logLevel?: string;
}

export interface OutgoingCall {
  /** JSON text of the whole params object. */
  readonly params: Pieces;
  /** Of the arguments in the bytes received; undefined when there were none. */
  readonly argsSpan: readonly [number, number] | undefined;
  readonly hadProgressToken: boolean;
}

/** Name and `_meta` are written anew, every other params member goes as it came. */
export function outgoingCall(message: RequestMessage, out: OutgoingParams): OutgoingCall {
  const { body, params } = message;
  const argsSpan = body.span("arguments", "params");
  const given = member(params, "_meta");
  const hadProgressToken = isObject(given) && member(given, "progressToken") !== undefined;
  const meta = outgoingMeta(message, given === undefined ? undefined : hadProgressToken, out);
  let head = `{"name":${JSON.stringify(out.name)}`;
  const pieces: (string | Uint8Array)[] = [];
  if (argsSpan !== undefined) {
    pieces.push(`${head},"arguments":`, body.bytes.subarray(argsSpan[0], argsSpan[1]));
    head = "";
  }
  if (hasOthers(params)) {
    pieces.push(`${head},`, ...(otherParams(message, rewritten) ?? []));
    head = "";
  }
  if (meta !== undefined) {
    pieces.push(`${head},"_meta":{`, ...meta);
    head = "}";
  }
  pieces.push(`${head}}`);
  return { params: pieces, argsSpan, hadProgressToken };
}

const rewritten = ["name", "arguments", "_meta"] as const;

function hasOthers(params: JsonObject): boolean {
  for (const key in params) {
    if (key !== "name" && key !== "arguments" && key !== "_meta") return true;
  }
  return false;
}

/** Members of the new `_meta` without its braces; undefined when there is nothing to say. */
function outgoingMeta(
  message: RequestMessage,
  /** undefined: the client sent no `_meta`. */
  hadProgressToken: boolean | undefined,
  out: OutgoingParams,
): Pieces | undefined {
  const own: string[] = [];
  if (out.era === "modern") own.push(envelopeMeta(out));
  if (hadProgressToken === true) own.push(`"progressToken":${out.id}`);
  const head = own.join(",");
  const kept = hadProgressToken === undefined ? undefined : keptMeta(message);
  if (kept === undefined) return head === "" ? undefined : [head];
  return head === "" ? kept : [`${head},`, ...kept];
}

/** What the client's `_meta` says beside the envelope: tracing and extensions, byte for byte. */
function keptMeta(message: RequestMessage): Pieces | undefined {
  const span = message.body.span("_meta", "params");
  if (span === undefined) return undefined;
  const bytes = message.body.bytes.subarray(span[0], span[1]);
  return spliced(bytes, membersOf(bytes), envelopeKeys);
}

/** One hop's own keys; each hop writes them anew. */
const envelopeKeys: readonly string[] = [
  metaKeys.protocolVersion,
  metaKeys.clientCapabilities,
  metaKeys.clientInfo,
  metaKeys.logLevel,
  metaKeys.progressToken,
];

/** The members that each modern request must carry in `_meta` (2026-07-28, basic). */
function envelopeMeta(
  out: Pick<OutgoingParams, "capabilitiesText" | "clientInfoText" | "logLevel">,
): string {
  const level =
    out.logLevel === undefined ? "" : `,"${metaKeys.logLevel}":${JSON.stringify(out.logLevel)}`;
  return (
    `"${metaKeys.protocolVersion}":"${modernRevision}",` +
    `"${metaKeys.clientCapabilities}":${out.capabilitiesText},` +
    `"${metaKeys.clientInfo}":${out.clientInfoText}${level}`
  );
}
