/** From a strictly read body to one JSON-RPC message, or the reason why it is none. */

import { Buffer } from "node:buffer";
import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { no, ok, type Result } from "../base/result.ts";
import { foldedMeta, foldedParam, isKnownParam, withoutControls } from "./known-keys.ts";
import type { Message, RequestId, RequestMessage, ResponseMessage, StrictBody } from "./message.ts";

export interface MessageProblem {
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

/** Errors: GW_MESSAGE is -32600, GW_PARAMS -32602. Absent params are {} (P37). */
export function readMessage(
  body: StrictBody,
  options: MessageOptions,
): Result<Message, MessageProblem> {
  const id = readId(body, options.idBytes);
  const read = id.ok ? readKind(body, id.value, options.from ?? "client") : id;
  if (read.ok || !id.ok || id.value === undefined) return read;
  return no({ ...read.error, idText: id.value.text });
}

interface Id {
  readonly value: RequestId;
  readonly text: string;
}

const emptyParams: JsonObject = {};

function readKind(
  body: StrictBody,
  id: Id | undefined,
  from: "client" | "server",
): Result<Message, MessageProblem> {
  const root = body.value;
  if (member(root, "jsonrpc") !== "2.0") return no(bad('"jsonrpc" must be "2.0"'));
  const extra = from === "client" ? unknownRootKey(root) : undefined;
  if (extra !== undefined) return no(bad(`unknown key ${shown(extra)} beside "jsonrpc"`));
  const method = member(root, "method");
  if (method === undefined) return readResponse(body, id);
  if (typeof method !== "string" || method === "") return no(bad('"method" must be a string'));
  if (member(root, "result") !== undefined || member(root, "error") !== undefined) {
    return no(bad("a message is a request or a response, not both"));
  }
  const params = member(root, "params");
  if (params !== undefined && !isObject(params)) return no(bad('"params" must be an object'));
  if (params !== undefined && from === "client") {
    const problem = checkParams(params);
    if (problem !== undefined) return no(problem);
  }
  const rest = { method, params: params ?? emptyParams, body };
  if (id === undefined) return ok({ kind: "notification", ...rest });
  const request: RequestMessage = { kind: "request", id: id.value, idText: id.text, ...rest };
  return ok(request);
}

function readResponse(body: StrictBody, id: Id | undefined): Result<Message, MessageProblem> {
  const root = body.value;
  if (id === undefined) return no(bad('a message needs a "method", or an "id" with a result'));
  const result = member(root, "result");
  const error = member(root, "error") ?? undefined;
  if ((result === undefined) === (error === undefined)) {
    return no(bad('a response needs either "result" or "error"'));
  }
  const response: ResponseMessage = { kind: "response", id: id.value, body };
  if (result !== undefined) {
    return isObject(result) ? ok({ ...response, result }) : no(bad('"result" must be an object'));
  }
  const code = isObject(error) ? member(error, "code") : undefined;
  const message = isObject(error) ? member(error, "message") : undefined;
  if (!isObject(error) || typeof code !== "number" || typeof message !== "string") {
    return no(bad('"error" needs a number "code" and a string "message"'));
  }
  const data = member(error, "data");
  return ok({ ...response, error: { code, message, ...(data === undefined ? {} : { data }) } });
}

/** undefined when absent. Only what can be echoed byte for byte is an id (F22). */
function readId(body: StrictBody, idBytes: number): Result<Id | undefined, MessageProblem> {
  const value = member(body.value, "id");
  if (value === undefined) return ok(undefined);
  const [start, end] = body.span("id") ?? [0, 0];
  if (typeof value === "number") {
    const text = String(value);
    const asWritten = end - start === text.length && isAscii(body.bytes, start, text);
    if (Number.isSafeInteger(value) && asWritten) return ok({ value, text });
    return no(bad('"id" must be an integer within ±(2^53 - 1), written as one'));
  }
  if (typeof value !== "string") return no(bad('"id" must be a string or an integer'));
  if (value === "") return no(bad('"id" must not be empty'));
  if (end - start - 2 > idBytes) return no(bad(`"id" is longer than ${idBytes} bytes`));
  // As many bytes as characters: nothing was escaped, and all of it is ASCII.
  if (end - start === value.length + 2) return ok({ value, text: `"${value}"` });
  return ok({ value, text: Buffer.from(body.bytes.subarray(start, end)).toString("utf8") });
}

function isAscii(bytes: Uint8Array, start: number, text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (bytes[start + at] !== text.charCodeAt(at)) return false;
  }
  return true;
}

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

function checkParams(params: JsonObject): MessageProblem | undefined {
  for (const key in params) {
    if (isKnownParam(key)) continue;
    if (withoutControls(key) !== key) return bad("a params key holds a control character");
    const known = foldedParam(key);
    if (known !== undefined) return bad(`the params key ${shown(key)} looks like "${known}"`);
  }
  const given = member(params, "arguments");
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
  return { code: "GW_MESSAGE", message };
}

function misfit(message: string): MessageProblem {
  return { code: "GW_PARAMS", message };
}
