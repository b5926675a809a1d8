/**
 * Whether clients can read an item at all. A client's library checks a list as a whole: one member
 * of another type, in one item of one server, and the agent sees none of any server's (U22).
 */

import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type { Era } from "../protocol/message.ts";

/** Why it is held back, as the protocol's schema of that era has it; undefined: it is sound. */
export function shapeFault(method: ListMethod, value: JsonObject, era: Era): string | undefined {
  const fault = firstFault(value, membersOf[method]);
  if (fault !== undefined) return `its ${fault}`;
  if (method === "tools/list") return schemaShape(value, era);
  if (method !== "prompts/list" && member(value, "name") === undefined) return "it has no name";
  return undefined;
}

/** Schemas whose properties are `true` or `false`: known to 2026-07-28 alone. */
export function hasPlainProperty(value: JsonObject): boolean {
  return ["inputSchema", "outputSchema"].some((name) => {
    const schema = member(value, name);
    const properties = isObject(schema) ? member(schema, "properties") : undefined;
    return isObject(properties) && Object.values(properties).some((one) => !isObject(one as Json));
  });
}

/** What a value has to be, in words, and whether it is. */
interface Kind {
  readonly is: string;
  fits(value: Json): boolean;
}

type Members = Readonly<Record<string, Kind>>;

const text: Kind = { is: "a string", fits: (value) => typeof value === "string" };
const flag: Kind = { is: "true or false", fits: (value) => typeof value === "boolean" };
const object: Kind = { is: "an object", fits: isObject };
const size: Kind = { is: "a number", fits: (value) => typeof value === "number" };
const share: Kind = {
  is: "a number from 0 to 1",
  fits: (value) => typeof value === "number" && value >= 0 && value <= 1,
};
const moment: Kind = {
  is: "an ISO 8601 time with its zone",
  fits: (value) =>
    typeof value === "string" && isoTime.test(value) && !Number.isNaN(Date.parse(value)),
};
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

function oneOf(...words: readonly string[]): Kind {
  return {
    is: `one of ${words.join(", ")}`,
    fits: (value) => typeof value === "string" && words.includes(value),
  };
}

function listOf(kind: Kind): Kind {
  const fits = (value: Json) => Array.isArray(value) && value.every((one) => kind.fits(one));
  return { is: `a list, each ${kind.is}`, fits };
}

function objectOf(members: Members, needed: string): Kind {
  return {
    is: `an object with ${[needed, ...Object.keys(members)].join(", ")} of the right types`,
    fits: (value) =>
      isObject(value) &&
      typeof member(value, needed) === "string" &&
      firstFault(value, members) === undefined,
  };
}

const icon = objectOf(
  { mimeType: text, sizes: listOf(text), theme: oneOf("light", "dark") },
  "src",
);
const named: Members = {
  ...{ title: text, description: text, icons: listOf(icon), _meta: object },
};
const resource: Members = {
  ...{ ...named, name: text, mimeType: text, size, annotations: object },
  ...{ "annotations.audience": listOf(oneOf("user", "assistant")) },
  ...{ "annotations.priority": share, "annotations.lastModified": moment },
};
const membersOf: Readonly<Record<ListMethod, Members>> = {
  "tools/list": {
    ...{ ...named, annotations: object, "annotations.title": text },
    ...{ "annotations.readOnlyHint": flag, "annotations.destructiveHint": flag },
    ...{ "annotations.idempotentHint": flag, "annotations.openWorldHint": flag },
    execution: object,
    "execution.taskSupport": oneOf("required", "optional", "forbidden"),
  },
  "prompts/list": {
    ...named,
    arguments: listOf(objectOf({ title: text, description: text, required: flag }, "name")),
  },
  "resources/list": resource,
  "resources/templates/list": resource,
};

/** Of the first member that is there and does not fit. */
function firstFault(value: JsonObject, members: Members): string | undefined {
  for (const [path, kind] of Object.entries(members)) {
    const found = at(value, path);
    if (found !== undefined && !kind.fits(found)) return `${path} is not ${kind.is}`;
  }
  return undefined;
}

function at(value: JsonObject, path: string): Json | undefined {
  const dot = path.indexOf(".");
  if (dot === -1) return member(value, path);
  const outer = member(value, path.slice(0, dot));
  return isObject(outer) ? member(outer, path.slice(dot + 1)) : undefined;
}

/** 2026-07-28 says less of schemas than the revisions before it. */
function schemaShape(value: JsonObject, era: Era): string | undefined {
  for (const name of ["inputSchema", "outputSchema"]) {
    const schema = member(value, name);
    if (schema === undefined) continue;
    if (!isObject(schema)) return `its ${name} is not an object`;
    const fault = firstFault(schema, { $schema: text });
    if (fault !== undefined) return `its ${name}'s ${fault}`;
    if (name === "outputSchema" && era === "modern") continue;
    if (member(schema, "type") !== "object") return `the type of its ${name} is not "object"`;
    const inner = firstFault(schema, { properties: object, required: listOf(text) });
    if (inner !== undefined) return `its ${name}'s ${inner}`;
  }
  if (era === "legacy" && hasPlainProperty(value)) {
    return "a property in one of its schemas is not an object";
  }
  return undefined;
}
