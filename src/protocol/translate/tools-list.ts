/**
 * Tool definitions between the eras: text surgery, so that unknown fields and numbers stay as
 * written.
 */

import { Buffer } from "node:buffer";
import { isObject, type JsonObject, member } from "../../base/json.ts";
import type { ListMethod } from "../lists.ts";
import type { Era } from "../message.ts";
import { membersOf } from "../strict-json.ts";
import { rebased } from "./refs.ts";

/**
 * One definition for clients of era `to`, from a server of era `from`; undefined when they cannot
 * use it. `text` is its JSON text, `value` what it says (of which the name may differ already).
 */
export function toolFor(text: string, value: JsonObject, to: Era, from: Era): string | undefined {
  if (from === to) return text;
  return to === "modern" ? forModern(text, value) : forLegacy(text, value);
}

/** The definition with another name, and not a byte changed beside it. */
export function renamed(text: string, value: JsonObject, exposedName: string): string {
  if (member(value, "name") === exposedName) return text;
  return mapMembers(text, (key) => (key === "name" ? JSON.stringify(exposedName) : undefined));
}

/**
 * What a client that checks types stumbles over, and means nothing: members that are null, also of
 * the annotations (servers in Python write them for what they do not say), and arguments that are
 * not said to be an object, which they always are. All else stays as written.
 */
export function readable(method: ListMethod, item: { text: string; value: JsonObject }) {
  const { text, value } = item;
  const annotations = member(value, "annotations");
  const inner = isObject(annotations) && Object.values(annotations).includes(null);
  const input = method === "tools/list" ? member(value, "inputSchema") : undefined;
  const untyped = isObject(input) && member(input, "type") === undefined;
  if (!inner && !untyped && !Object.values(value).includes(null)) return item;
  const kept = mapMembers(text, (key, one) => {
    if (one === "null") return "";
    if (untyped && key === "inputSchema") return withType(one);
    return inner && key === "annotations" ? mapMembers(one, dropNull) : undefined;
  });
  return { text: kept, value: JSON.parse(kept) as JsonObject };
}

function withType(schema: string): string {
  const rest = schema.slice(1).trimStart();
  return `{"type":"object"${rest === "}" ? "" : ","}${rest}`;
}

function dropNull(_key: string, value: string): string | undefined {
  return value === "null" ? "" : undefined;
}

/**
 * Tasks of 2025-11-25 are gone in 2026-07-28: without them a tool that needs one cannot be called.
 */
function forModern(text: string, value: JsonObject): string | undefined {
  const execution = member(value, "execution");
  const support = isObject(execution) ? member(execution, "taskSupport") : undefined;
  if (support === undefined) return text;
  if (support === "required") return undefined;
  return mapMembers(text, (key, execution) => {
    if (key !== "execution") return undefined;
    const rest = mapMembers(execution, (inner) => (inner === "taskSupport" ? "" : undefined));
    return rest === "{}" ? "" : rest;
  });
}

/** Up to 2025-11-25 structuredContent is an object: callResult wraps it, and so must the schema. */
function forLegacy(text: string, value: JsonObject): string {
  const schema = member(value, "outputSchema");
  if (schema === undefined || (isObject(schema) && member(schema, "type") === "object"))
    return text;
  const dialect = isObject(schema) ? member(schema, "$schema") : undefined;
  const head = typeof dialect === "string" ? `"$schema":${JSON.stringify(dialect)},` : "";
  // A root with an $id of its own is what the pointers inside it start from, wherever it stands.
  const moved = isObject(schema) && member(schema, "$id") !== undefined;
  return mapMembers(text, (key, natural) => {
    if (key !== "outputSchema") return undefined;
    const inner = moved ? natural : rebased(natural, "#/properties/result");
    return `{${head}"type":"object","properties":{"result":${inner}},"required":["result"]}`;
  });
}

/**
 * The object's text with each member's value mapped: undefined keeps the bytes, "" drops the
 * member.
 */
function mapMembers(text: string, map: (key: string, value: string) => string | undefined): string {
  const bytes = Buffer.from(text, "utf8");
  const members: string[] = [];
  let changed = false;
  for (const { key, start, valueStart, end } of membersOf(bytes)) {
    const mapped = map(key, bytes.toString("utf8", valueStart, end));
    if (mapped !== undefined) changed = true;
    if (mapped === undefined) members.push(bytes.toString("utf8", start, end));
    else if (mapped !== "") members.push(`${JSON.stringify(key)}:${mapped}`);
  }
  return changed ? `{${members.join(",")}}` : text;
}
