/** From a strictly read body to one JSON-RPC message, or the reason why it is none. */

import { Buffer } from "node:buffer";
import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { foldedMeta, foldedParam, isKnownParam, withoutControls } from "./known-keys.ts";
import type { Message, RequestId, StrictBody } from "./message.ts";

export interface MessageProblem {
  readonly kind: "problem";
  readonly code: "GW_MESSAGE" | "GW_PARAMS";
  /** Safe to show: no text of the body but what is printed with JSON.stringify, cut short. */
  readonly message: string;
  /** The id to answer with, when one could be read. */
  readonly idText?: string;
}

export interface MessageOptions {
  /** Bytes of a string id as written, without its quotes. */
  readonly idBytes: number;
  /**
   * "client" (the default): exact root keys, no key that folds to a known one (P2, P3).
   * "server": what a server adds to the root is ignored, since the envelope is built anew.
   */
  readonly from?: "client" | "server";
}

/** Problems: GW_MESSAGE is -32600, GW_PARAMS -32602. Absent params are {} (P37). */
export function readMessage(body: StrictBody, options: MessageOptions): Message | MessageProblem {
  const id = member(body.value, "id");
  const idText = id === undefined ? undefined : textOfId(body, id, options);
  if (typeof idText === "object") return idText;
  // It has a text, or is a number, so it is an id.
  const read = readKind(body, id as RequestId | undefined, idText, options.from ?? "client");
  if (read.kind !== "problem" || idText === undefined) return read;
  return { ...read, idText };
}

const emptyParams: JsonObject = {};

/** `id` and its text are either both there or both not. */
function readKind(
  body: StrictBody,
  id: RequestId | undefined,
  idText: string | undefined,
  from: "client" | "server",
): Message | MessageProblem {
  const root = body.value;
  if (member(root, "jsonrpc") !== "2.0") return bad('"jsonrpc" must be "2.0"');
  const extra = from === "client" ? unknownRootKey(root) : undefined;
  if (extra !== undefined) return bad(`unknown key ${shown(extra)} beside "jsonrpc"`);
  const method = member(root, "method");
  if (method === undefined) return readResponse(body, id);
  if (typeof method !== "string" || method === "") return bad('"method" must be a string');
  if (member(root, "result") !== undefined || member(root, "error") !== undefined) {
    return bad("a message is a request or a response, not both");
  }
  const params = member(root, "params");
  if (params !== undefined && !isObject(params)) return bad('"params" must be an object');
  if (params !== undefined && from === "client") {
    const problem = checkParams(params, body);
    if (problem !== undefined) return problem;
  }
  const given = params ?? emptyParams;
  if (id === undefined || idText === undefined) {
    return { kind: "notification", method, params: given, body };
  }
  return { kind: "request", id, idText, method, params: given, body };
}

function readResponse(body: StrictBody, id: RequestId | undefined): Message | MessageProblem {
  const root = body.value;
  if (id === undefined) return bad('a message needs a "method", or an "id" with a result');
  const result = member(root, "result");
  const error = member(root, "error") ?? undefined;
  if ((result === undefined) === (error === undefined)) {
    return bad('a response needs either "result" or "error"');
  }
  if (result !== undefined) {
    if (!isObject(result)) return bad('"result" must be an object');
    return { kind: "response", id, body, result };
  }
  const code = isObject(error) ? member(error, "code") : undefined;
  const message = isObject(error) ? member(error, "message") : undefined;
  if (!isObject(error) || typeof code !== "number" || typeof message !== "string") {
    return bad('"error" needs a number "code" and a string "message"');
  }
  const data = member(error, "data");
  const told = { code, message, ...(data === undefined ? {} : { data }) };
  return { kind: "response", id, body, error: told };
}

/** Only what can be echoed byte for byte is an id (F22). undefined: a number that nobody echoes. */
function textOfId(
  body: StrictBody,
  id: Json,
  { from, idBytes }: MessageOptions,
): string | undefined | MessageProblem {
  if (typeof id === "number") {
    if (!Number.isSafeInteger(id) || !body.saysInteger("id", id)) {
      return bad('"id" must be an integer within ±(2^53 - 1), written as one');
    }
    const isAnswer = member(body.value, "method") === undefined;
    return from === "server" && isAnswer ? undefined : String(id);
  }
  if (typeof id !== "string") return bad('"id" must be a string or an integer');
  if (id === "") return bad('"id" must not be empty');
  const quoted = `"${id}"`;
  const written = body.part("id") ?? none;
  if (written.length - 2 > idBytes) return bad(`"id" is longer than ${idBytes} bytes`);
  // As many bytes as characters: nothing was escaped, and all of it is ASCII.
  if (written.length === quoted.length) return quoted;
  return Buffer.from(written).toString("utf8");
}

const none = new Uint8Array(0);

const rootKeys: ReadonlySet<string> = new Set([
  "jsonrpc",
  "id",
  "method",
  "params",
  "result",
  "error",
]);

function unknownRootKey(root: JsonObject): string | undefined {
  for (const key in root) if (!rootKeys.has(key)) return key;
  return undefined;
}

function checkParams(params: JsonObject, { brief }: StrictBody): MessageProblem | undefined {
  for (const key in params) {
    if (isKnownParam(key)) continue;
    if (withoutControls(key) !== key) return bad("a params key holds a control character");
    const known = foldedParam(key);
    if (known !== undefined) return bad(`the params key ${shown(key)} looks like "${known}"`);
  }
  const given = brief ?? member(params, "arguments");
  if (given !== undefined && !isObject(given)) return misfit('"arguments" must be an object');
  const meta = member(params, "_meta");
  return meta === undefined ? undefined : checkMeta(meta);
}

function checkMeta(meta: Json): MessageProblem | undefined {
  if (!isObject(meta)) return misfit('"_meta" must be an object');
  for (const key in meta) {
    const known = foldedMeta(key);
    if (known !== undefined) return bad(`the _meta key ${shown(key)} looks like "${known}"`);
  }
  const token = member(meta, "progressToken");
  if (token === undefined || typeof token === "string" || Number.isInteger(token)) return undefined;
  return misfit('"progressToken" must be a string or an integer');
}

const shownChars = 64;

function shown(key: string): string {
  const cut = key.length > shownChars ? `${key.slice(0, shownChars)}…` : key;
  let text = "";
  for (const character of cut) {
    const code = character.codePointAt(0) ?? 0;
    text += code >= 0x20 && code < 0x7f ? character : `\\u{${code.toString(16)}}`;
  }
  return `"${text}"`;
}

function bad(message: string): MessageProblem {
  return { kind: "problem", code: "GW_MESSAGE", message };
}

function misfit(message: string): MessageProblem {
  return { kind: "problem", code: "GW_PARAMS", message };
}
