/** Mcp-Param headers from the arguments that are sent, by the server's own schema. */

import { isObject, type JsonObject, member } from "../base/json.ts";
import type { Item } from "../catalog/catalog.ts";
import { encodeMirror } from "../protocol/mirror.ts";

type Headers = readonly (readonly [string, string])[];

export function paramHeaders(tool: Item, params: JsonObject): Headers {
  if (tool.paramHeaders.length === 0) return none;
  const found: (readonly [string, string])[] = [];
  for (const { name, path } of tool.paramHeaders) {
    let value: unknown = member(params, "arguments");
    for (const key of path) value = isObject(value) ? member(value, key) : undefined;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      found.push([`Mcp-Param-${name}`, encodeMirror(value)]);
    }
  }
  return found;
}

const none: Headers = [];
