/** The params of a request as its server gets them: the bytes are those that policy saw. */

import { isObject, type JsonObject, member } from "../../base/json.ts";
import { otherParams, spliced } from "../envelope.ts";
import { metaKeys } from "../known-keys.ts";
import type { Era, Pieces, RequestMessage } from "../message.ts";
import { membersOf } from "../strict-json.ts";
import { modernRevision } from "../versions.ts";

export interface OutgoingParams {
  /** `paramsHead` of the server's own name; undefined: there is none, or it goes as it came. */
  readonly head: string | undefined;
  /** The bytes of `arguments`; undefined: there are none. */
  readonly args: Uint8Array | undefined;
  /** A member with the server's own name or id in it; undefined: all as they came. */
  readonly replaced?: Replaced | undefined;
  /** The id of the request to the server, which is its progress token too. */
  readonly id: number;
  /** The server's. */
  readonly era: Era;
  /** The client's. */
  readonly from: Era;
  /** JSON objects, for a modern server; the info for where the client did not send its own. */
  readonly capabilitiesText: string;
  readonly clientInfoText: string;
  /** A log level, only for a modern server. */
  readonly logLevel?: string | undefined;
  /** Instead of what the client says of an earlier round (2026-07-28, MRTR). */
  readonly again?: Again | undefined;
}

export interface Replaced {
  readonly key: "ref" | "taskId";
  /** JSON text. */
  readonly text: Pieces;
}

/** What goes with a request that a modern server gets once more. */
export interface Again {
  /** JSON text of `inputResponses`; undefined: none. */
  readonly responses: Pieces | undefined;
  /** JSON text of the server's own `requestState`, byte for byte; undefined: it gave none. */
  readonly state: string | undefined;
}

/** The params of a request by the server's own name of what it is about: how they begin. */
export function paramsHead(name: string): string {
  return `{"name":${JSON.stringify(name)},`;
}

/**
 * JSON text of the whole params object. Name and `_meta` are written anew, every other params
 * member goes as it came.
 */
export function outgoingParams(message: RequestMessage, out: OutgoingParams): Pieces {
  const { params } = message;
  const skip = rewritten(out);
  const given = member(params, "_meta");
  const hadProgressToken = isObject(given) && member(given, "progressToken") !== undefined;
  const meta = outgoingMeta(message, given === undefined ? undefined : hadProgressToken, out);
  let head = out.head ?? "{";
  const pieces: (string | Uint8Array)[] = [];
  if (out.args !== undefined) {
    pieces.push(`${head}"arguments":`, out.args);
    head = ",";
  }
  if (hasOthers(params, skip)) {
    pieces.push(head, ...(otherParams(message, skip) ?? []));
    head = ",";
  }
  if (out.replaced !== undefined) {
    pieces.push(`${head}"${out.replaced.key}":`, ...out.replaced.text);
    head = ",";
  }
  if (out.again !== undefined) head = pushAgain(pieces, head, out.again);
  if (meta !== undefined) {
    pieces.push(`${head}"_meta":{`, ...meta);
    head = "},";
  }
  // What stands here is a comma too much, or the opening brace of nothing.
  pieces.push(head === "," ? "}" : head === "{" ? "{}" : `${head.slice(0, -1)}}`);
  return pieces;
}

function pushAgain(pieces: (string | Uint8Array)[], head: string, again: Again): string {
  let next = head;
  if (again.responses !== undefined) {
    pieces.push(`${next}"inputResponses":`, ...again.responses);
    next = ",";
  }
  if (again.state !== undefined) {
    pieces.push(`${next}"requestState":${again.state}`);
    next = ",";
  }
  return next;
}

type Skipped = readonly [
  plain: readonly string[],
  again: readonly string[],
  crossed: readonly string[],
];

const named = skipped("name", "arguments", "_meta");
const unnamed = skipped("arguments", "_meta");
const withRef = skipped("arguments", "_meta", "ref");
const withTask = skipped("arguments", "_meta", "taskId");

/** Tasks and rounds of one era mean nothing in the other, and must not leak there. */
function skipped(...own: readonly string[]): Skipped {
  const again = [...own, "inputResponses", "requestState"];
  return [own, again, [...again, "task"]];
}

function rewritten(out: OutgoingParams): readonly string[] {
  const skip = skippedBy(out);
  if (out.from !== out.era) return skip[2];
  return skip[out.again === undefined ? 0 : 1];
}

function skippedBy({ replaced, head }: OutgoingParams): Skipped {
  if (replaced !== undefined) return replaced.key === "ref" ? withRef : withTask;
  return head === undefined ? unnamed : named;
}

function hasOthers(params: JsonObject, skip: readonly string[]): boolean {
  for (const key in params) if (!skip.includes(key)) return true;
  return false;
}

/** Members of the new `_meta` without its braces; undefined when there is nothing to say. */
function outgoingMeta(
  message: RequestMessage,
  /** undefined: the client sent no `_meta`. */
  hadProgressToken: boolean | undefined,
  out: OutgoingParams,
): Pieces | undefined {
  const itsInfo = out.era === "modern" && out.from === "modern" && hasInfo(message);
  let head = out.era === "modern" ? envelopeMeta(out, itsInfo) : "";
  if (hadProgressToken === true) head += `${head === "" ? "" : ","}"progressToken":${out.id}`;
  const kept = hadProgressToken === undefined ? undefined : keptMeta(message, itsInfo);
  if (kept === undefined) return head === "" ? undefined : [head];
  return head === "" ? kept : [`${head},`, ...kept];
}

/** What the client's `_meta` says beside the envelope: tracing and extensions, byte for byte. */
function keptMeta(message: RequestMessage, itsInfo: boolean): Pieces | undefined {
  const bytes = message.body.part("_meta", "params");
  if (bytes === undefined) return undefined;
  return spliced(bytes, membersOf(bytes), itsInfo ? keysButInfo : envelopeKeys);
}

function hasInfo({ params }: RequestMessage): boolean {
  const meta = member(params, "_meta");
  return isObject(meta) && member(meta, metaKeys.clientInfo) !== undefined;
}

/** One hop's own keys; each hop writes them anew. */
const envelopeKeys: readonly string[] = [
  metaKeys.protocolVersion,
  metaKeys.clientCapabilities,
  metaKeys.clientInfo,
  metaKeys.logLevel,
  metaKeys.progressToken,
];
const keysButInfo = envelopeKeys.filter((key) => key !== metaKeys.clientInfo);

/** The members that each modern request must carry in `_meta` (2026-07-28, basic). */
function envelopeMeta(
  out: Pick<OutgoingParams, "capabilitiesText" | "clientInfoText" | "logLevel">,
  itsInfo: boolean,
): string {
  const info = itsInfo ? "" : `,"${metaKeys.clientInfo}":${out.clientInfoText}`;
  const level =
    out.logLevel === undefined ? "" : `,"${metaKeys.logLevel}":${JSON.stringify(out.logLevel)}`;
  return (
    `"${metaKeys.protocolVersion}":"${modernRevision}",` +
    `"${metaKeys.clientCapabilities}":${out.capabilitiesText}${info}${level}`
  );
}
