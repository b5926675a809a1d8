/** What a line of a stdio client is, as far as headers and errors need it; the gateway reads it. */

import { Buffer } from "node:buffer";
import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { metaKeys } from "../protocol/known-keys.ts";
import { encodeMirror } from "../protocol/mirror.ts";
import { eraOf } from "../protocol/versions.ts";

export interface Glance {
  readonly method: string | undefined;
  /** JSON text of the id: for an answer of our own, and to tell requests apart. */
  readonly id: string | undefined;
  /** The revision a modern message claims; undefined for legacy ones. */
  readonly modern: string | undefined;
  readonly params: JsonObject;
}

/** undefined: no JSON object, so a batch or nothing that is JSON. */
export function glance(bytes: Uint8Array): Glance | undefined {
  const tree = parsed(bytes);
  if (!isObject(tree)) return undefined;
  const [method, id, given] = [member(tree, "method"), member(tree, "id"), member(tree, "params")];
  const params = isObject(given) ? given : {};
  const meta = member(params, "_meta");
  const claim = isObject(meta) ? member(meta, metaKeys.protocolVersion) : undefined;
  const modern = typeof claim === "string" && eraOf(claim) !== "legacy" ? claim : undefined;
  return {
    method: typeof method === "string" ? method : undefined,
    id: typeof id === "string" || typeof id === "number" ? JSON.stringify(id) : undefined,
    modern,
    params,
  };
}

/** The mirrored headers of a modern request (2026-07-28); stdio itself has none. */
export function modernHeaders({ method, params, modern }: Glance): Record<string, string> {
  const headers: Record<string, string> = { "mcp-protocol-version": modern ?? "" };
  if (method === undefined) return headers;
  headers["mcp-method"] = encodeMirror(method);
  const named = mirrored[method];
  const name = named === undefined ? undefined : member(params, named);
  if (typeof name === "string") headers["mcp-name"] = encodeMirror(name);
  return headers;
}

const mirrored: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
  "tasks/get": "taskId",
  "tasks/update": "taskId",
  "tasks/cancel": "taskId",
};

function parsed(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as Json;
  } catch {
    // What is wrong with it the gateway says, which reads it strictly.
    return undefined;
  }
}
