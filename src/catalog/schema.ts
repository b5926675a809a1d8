/**
 * Whether a tool's schema may be given to agents (U22): whoever validates with it must not hang,
 * run out of stack or fetch anything. It is data here: nothing of it is fetched or compiled.
 */

import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";

/** Why it is held back; undefined: it is sound. */
export function schemaFault(schema: JsonObject): string | undefined {
  if (isDeeper(schema, limits.schemaDepth)) {
    return `is nested deeper than ${limits.schemaDepth} levels`;
  }
  const found = subschemas(schema);
  return typeof found === "string" ? found : circleFault(found);
}

interface Subschema {
  readonly schema: JsonObject;
  /** Subschemas that see the same value as this one: what a validator enters without progress. */
  readonly same: JsonObject[];
}

type Found = ReadonlyMap<JsonObject, Subschema>;

/** All of them, those that only a `$ref` leads to as well; or what is wrong with one. */
function subschemas(root: JsonObject): Found | string {
  const found = new Map<JsonObject, Subschema>();
  const anchors = anchorsOf(root);
  const open: JsonObject[] = [root];
  for (let schema = open.pop(); schema !== undefined; schema = open.pop()) {
    if (found.has(schema)) continue;
    if (found.size >= limits.subschemas) return `has more than ${limits.subschemas} subschemas`;
    const same: JsonObject[] = [];
    found.set(schema, { schema, same });
    for (const { inner, onSame } of children(schema)) {
      open.push(inner);
      if (onSame) same.push(inner);
    }
    for (const keyword of ["$ref", "$dynamicRef", "$recursiveRef"]) {
      const ref = member(schema, keyword);
      if (typeof ref !== "string") continue;
      // MCP: a remote reference must not be fetched, so nobody could read it.
      if (!ref.startsWith("#")) return `has a ${keyword} to another document`;
      const target = resolve(root, anchors, ref);
      if (target === undefined) continue;
      open.push(target);
      same.push(target);
    }
  }
  return found;
}

const sameOne = ["not", "if", "then", "else"];
const sameList = ["allOf", "anyOf", "oneOf"];
const sameByName = ["dependentSchemas", "dependencies"];
const partOne = [
  ...["items", "additionalItems", "contains", "additionalProperties", "propertyNames"],
  ...["unevaluatedItems", "unevaluatedProperties", "contentSchema"],
];
const partList = ["items", "prefixItems"];
const partByName = ["properties", "patternProperties", "$defs", "definitions"];

interface Child {
  readonly inner: JsonObject;
  readonly onSame: boolean;
}

function children(schema: JsonObject): readonly Child[] {
  const all: Child[] = [];
  const add = (value: Json | undefined, onSame: boolean) => {
    if (isObject(value)) all.push({ inner: value, onSame });
  };
  const each = (values: readonly Json[], onSame: boolean) => {
    for (const value of values) add(value, onSame);
  };
  for (const [names, onSame] of [[sameOne, true] as const, [partOne, false] as const]) {
    for (const name of names) add(member(schema, name), onSame);
  }
  for (const [names, onSame] of [[sameList, true] as const, [partList, false] as const]) {
    for (const name of names) {
      const value = member(schema, name);
      if (Array.isArray(value)) each(value, onSame);
    }
  }
  for (const [names, onSame] of [[sameByName, true] as const, [partByName, false] as const]) {
    for (const name of names) {
      const value = member(schema, name);
      if (isObject(value)) each(Object.values(value), onSame);
    }
  }
  return all;
}

/** Every `$anchor` in the document; of several of one name the first. */
function anchorsOf(root: JsonObject): ReadonlyMap<string, JsonObject> {
  const anchors = new Map<string, JsonObject>();
  const open: Json[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== "object" || value === null) continue;
    for (const inner of Object.values(value)) open.push(inner as Json);
    if (!isObject(value)) continue;
    for (const keyword of ["$anchor", "$dynamicAnchor"]) {
      const name = member(value, keyword);
      if (typeof name === "string" && !anchors.has(name)) anchors.set(name, value);
    }
  }
  return anchors;
}

/** What is nowhere is left to the validator, which refuses it at once. */
function resolve(
  root: JsonObject,
  anchors: ReadonlyMap<string, JsonObject>,
  ref: string,
): JsonObject | undefined {
  const pointer = decoded(ref.slice(1));
  if (pointer === "") return root;
  if (!pointer.startsWith("/")) return anchors.get(pointer);
  let at: Json | undefined = root;
  for (const step of pointer.slice(1).split("/")) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(at)) at = at[Number(name)];
    else at = isObject(at) ? member(at, name) : undefined;
  }
  return isObject(at) ? at : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // No URI fragment: it is read as it stands.
    return text;
  }
}

/**
 * A circle on one and the same value never ends; and references to references double with each
 * step: what one value costs is counted as a validator would walk it.
 */
function circleFault(found: Found): string | undefined {
  const costs = new Map<JsonObject, number>();
  const entered = new Set<JsonObject>();
  /** Returns what is wrong. Not deeper than there are subschemas. */
  const visit = (schema: JsonObject): string | undefined => {
    if (costs.has(schema)) return undefined;
    if (entered.has(schema)) return "has a $ref that leads back to itself";
    entered.add(schema);
    let cost = 1;
    for (const inner of found.get(schema)?.same ?? []) {
      const fault = visit(inner);
      if (fault !== undefined) return fault;
      cost += costs.get(inner) ?? 0;
    }
    if (cost > limits.schemaSteps) return "has references that multiply";
    entered.delete(schema);
    costs.set(schema, cost);
    return undefined;
  };
  for (const schema of found.keys()) {
    const fault = visit(schema);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function isDeeper(value: Json, most: number): boolean {
  let level: Json[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > most) return true;
    const inner: Json[] = [];
    for (const one of level) {
      if (typeof one !== "object" || one === null) continue;
      for (const part of Object.values(one)) inner.push(part as Json);
    }
    level = inner.filter((one) => typeof one === "object" && one !== null);
  }
  return false;
}
