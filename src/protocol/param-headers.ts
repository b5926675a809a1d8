/** `x-mcp-header` in a tool's input schema: which arguments are repeated as headers (U23). */

import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { no, ok, type Result } from "../base/result.ts";
import { encodeMirror } from "./mirror.ts";

export interface ParamHeader {
  /** As written in the schema: the header is `Mcp-Param-<name>`. */
  readonly name: string;
  /** Of the argument, by keys of nested `properties`. */
  readonly path: readonly string[];
}

/**
 * The annotations of one schema. The error says why the tool must not be offered: clients drop a
 * tool with any annotation that breaks a rule (2026-07-28, tools).
 */
export function paramHeadersOf(inputSchema: JsonObject): Result<readonly ParamHeader[], string> {
  const found: Found = { headers: [], names: new Set(), error: undefined };
  readSchema(inputSchema, [], true, found);
  return found.error === undefined ? ok(found.headers) : no(found.error);
}

/** The headers of a call with these params; encoded. What the arguments do not say has none. */
export function paramHeaderFields(
  headers: readonly ParamHeader[],
  params: JsonObject,
): readonly (readonly [string, string])[] {
  if (headers.length === 0) return noFields;
  const found: (readonly [string, string])[] = [];
  for (const { name, path } of headers) {
    let value: unknown = member(params, "arguments");
    for (const key of path) value = isObject(value) ? member(value, key) : undefined;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      found.push([`Mcp-Param-${name}`, encodeMirror(value)]);
    }
  }
  return found;
}

const noFields: readonly (readonly [string, string])[] = [];

const annotation = "x-mcp-header";

interface Found {
  readonly headers: ParamHeader[];
  /** Lower case: header names have none. */
  readonly names: Set<string>;
  error: string | undefined;
}

/** `reachable`: only `properties` keys lie between the root and here. */
function readSchema(schema: Json, path: readonly string[], reachable: boolean, found: Found): void {
  if (found.error !== undefined || !isObject(schema)) return;
  if (path.length > limits.schemaDepth) {
    found.error = `its inputSchema nests deeper than ${limits.schemaDepth}`;
    return;
  }
  const name = member(schema, annotation);
  if (name !== undefined) readAnnotation(name, schema, path, reachable, found);
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === "properties") {
      readAll(value, path, reachable, found);
    } else if (nameMaps.has(keyword)) {
      readAll(value, path, false, found);
    } else if (!dataKeywords.has(keyword)) {
      const schemas = Array.isArray(value) ? value : [value];
      for (const inner of schemas) readSchema(inner, [...path, keyword], false, found);
    }
  }
}

function readAll(map: Json, path: readonly string[], reachable: boolean, found: Found): void {
  if (!isObject(map)) return;
  for (const [key, schema] of Object.entries(map)) {
    readSchema(schema, [...path, key], reachable, found);
  }
}

function readAnnotation(
  name: Json,
  schema: JsonObject,
  path: readonly string[],
  reachable: boolean,
  found: Found,
): void {
  if (!reachable || path.length === 0) {
    found.error = `${annotation} stands where no plain chain of properties leads`;
  } else if (typeof name !== "string" || !isToken(name)) {
    found.error = `${annotation} is not a header name`;
  } else if (found.names.has(name.toLowerCase())) {
    found.error = `${annotation} "${name}" is there twice`;
  } else if (!types.has(member(schema, "type"))) {
    found.error = `${annotation} "${name}" is not on a string, integer or boolean`;
  } else {
    found.names.add(name.toLowerCase());
    found.headers.push({ name, path });
  }
}

const types: ReadonlySet<Json | undefined> = new Set(["string", "integer", "boolean"]);

/** Keywords whose value maps names to schemas, without being a chain of properties. */
const nameMaps: ReadonlySet<string> = new Set([
  "patternProperties",
  "$defs",
  "definitions",
  "dependentSchemas",
  "dependencies",
]);

/** Keywords whose value is data: an annotation in it is none. */
const dataKeywords: ReadonlySet<string> = new Set([
  annotation,
  "const",
  "default",
  "enum",
  "examples",
]);

/** RFC 9110 5.6.2: 1*tchar. */
function isToken(name: string): boolean {
  return name !== "" && [...name].every((character) => tokenCharacters.includes(character));
}

const tokenCharacters =
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
