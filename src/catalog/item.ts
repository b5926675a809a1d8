/** One item as it is offered: whose it is, and its text for clients of each era. */

import { createHash } from "node:crypto";
import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { smuggledCharacters } from "../base/printable.ts";
import { no, ok, type Result } from "../base/result.ts";
import type { SizeLimit } from "../base/units.ts";
import { parseTemplate, type UriTemplate } from "../base/uri-template.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type { Era } from "../protocol/message.ts";
import { paramHeadersOf } from "../protocol/param-headers.ts";
import { itemFor } from "../protocol/translate/lists.ts";
import { paramsHead } from "../protocol/translate/params.ts";
import { readable, renamed } from "../protocol/translate/tools-list.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Freshness } from "./ages.ts";
import type { Item, ParamHeader } from "./catalog.ts";
import { schemaFault } from "./schema.ts";
import { hasPlainProperty, shapeFault } from "./shape.ts";
import type { SoundItem } from "./sound.ts";

/** An item of a list. */
export interface Listed extends Item {
  readonly from: Era;
  /** Characters in its definition that nobody would see; it is passed on as it is. */
  readonly hidden: number;
  /** The definition as JSON text with the exposed name, by era; undefined: not expressible. */
  readonly text: Readonly<Record<Era, string | undefined>>;
  /** Of a resource template that can be read as one: the URIs it stands for. */
  readonly template: UriTemplate | undefined;
}

export interface Owner {
  readonly upstream: Upstream;
  readonly lists: Freshness;
  timeout(tool: string): Item["timeout"];
  idempotent?(tool: string): boolean;
  maxArgs?(tool: string): SizeLimit | undefined;
}

/** The error says why it is held back. */
export function makeItem(
  method: ListMethod,
  owner: Owner,
  { name, item }: SoundItem,
  exposed: string,
  era: Era,
): Result<Listed, string> {
  const { value, text: itemText } = readable(method, item);
  const parts = partsOf[method](value);
  if (!parts.ok) return parts;
  const fault = shapeFault(method, value, era);
  if (fault !== undefined) return no(fault);
  const { upstream } = owner;
  const text = exposed === name ? itemText : renamed(itemText, value, exposed);
  const isUri = method === "resources/list" || method === "resources/templates/list";
  return ok({
    ...parts.value,
    exposed,
    server: upstream.id,
    name,
    paramsHead: isUri ? undefined : paramsHead(name),
    target: isUri ? name : `${upstream.id}/${name}`,
    upstream,
    lineFramed: upstream.status().transport === "stdio",
    definitionHash: createHash("sha256").update(item.text).digest("hex"),
    idempotent: parts.value.kind !== "tool" || owner.idempotent?.(name) === true,
    timeout: owner.timeout(isUri ? "" : name),
    // A URI is no argument that grows, and its length is limited.
    maxArgs: isUri ? undefined : owner.maxArgs?.(name),
    from: era,
    hidden: hiddenIn(value),
    text: {
      legacy: hasPlainProperty(value) ? undefined : itemFor(method, text, value, "legacy", era),
      modern: itemFor(method, text, value, "modern", era),
    },
    template: method === "resources/templates/list" ? parseTemplate(name) : undefined,
  });
}

/** A resource that no list names: it has the definition of the template it was made of, or none. */
export function unlistedResource(owner: Owner, uri: string, definitionHash: string): Item {
  const { upstream } = owner;
  return {
    ...resourceParts,
    exposed: uri,
    server: upstream.id,
    name: uri,
    paramsHead: undefined,
    target: uri,
    upstream,
    lineFramed: upstream.status().transport === "stdio",
    definitionHash,
    idempotent: true,
    timeout: owner.timeout(""),
  };
}

/** Keys of a schema are read by models too. */
function hiddenIn(value: JsonObject): number {
  let count = 0;
  const open: Json[] = [value];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (typeof one === "string") count += smuggledCharacters(one);
    else if (Array.isArray(one)) open.push(...one);
    else if (isObject(one)) {
      for (const key of Object.keys(one)) count += smuggledCharacters(key);
      open.push(...Object.values(one));
    }
  }
  return count;
}

type Parts = Pick<Item, "kind" | "declared" | "paramHeaders">;

const noHeaders: readonly ParamHeader[] = [];
/** A read has one argument. */
const uriAlone: ReadonlySet<string> = new Set(["uri"]);
const resourceParts: Parts = { kind: "resource", declared: uriAlone, paramHeaders: noHeaders };

const partsOf: Readonly<Record<ListMethod, (value: JsonObject) => Result<Parts, string>>> = {
  "tools/list": toolParts,
  "prompts/list": promptParts,
  "resources/list": () => ok(resourceParts),
  "resources/templates/list": () => ok(resourceParts),
};

function toolParts(value: JsonObject): Result<Parts, string> {
  const schema = member(value, "inputSchema");
  if (!isObject(schema)) return no("it has no inputSchema object");
  for (const name of ["inputSchema", "outputSchema"]) {
    const one = member(value, name);
    const fault = isObject(one) ? schemaFault(one) : undefined;
    if (fault !== undefined) return no(`its ${name} ${fault}`);
  }
  const headers = paramHeadersOf(schema);
  if (!headers.ok) return headers;
  const properties = member(schema, "properties");
  const declared = new Set(isObject(properties) ? Object.keys(properties) : []);
  return ok({ kind: "tool", declared, paramHeaders: headers.value });
}

function promptParts(value: JsonObject): Result<Parts, string> {
  const given = member(value, "arguments");
  const declared = new Set<string>();
  for (const argument of Array.isArray(given) ? given : []) {
    const name = isObject(argument) ? member(argument, "name") : undefined;
    if (typeof name === "string") declared.add(name);
  }
  return ok({ kind: "prompt", declared, paramHeaders: noHeaders });
}
