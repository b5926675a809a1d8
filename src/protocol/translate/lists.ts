/** The four lists between the eras: each item as it came, the result around it our own. */

import type { JsonObject } from "../../base/json.ts";
import { type CacheHints, hintMembers } from "../cache-hints.ts";
import { type ListMethod, listShapes } from "../lists.ts";
import type { Era } from "../message.ts";
import { toolFor } from "./tools-list.ts";

/**
 * One item of a list for clients of era `to`, from a server of era `from`; undefined when they
 * cannot use it. `text` is its JSON text, `value` what it says.
 */
export function itemFor(
  method: ListMethod,
  text: string,
  value: JsonObject,
  to: Era,
  from: Era,
): string | undefined {
  // Prompts, resources and templates are the same in both; what either adds is left alone.
  return method === "tools/list" ? toolFor(text, value, to, from) : text;
}

/** JSON text of the result with one page. `items`: the texts of its items, joined by commas. */
export function listResult(
  method: ListMethod,
  items: string,
  nextCursor: string | undefined,
  era: Era,
  hints: CacheHints,
): string {
  const next = nextCursor === undefined ? "" : `,"nextCursor":${JSON.stringify(nextCursor)}`;
  const page = `{"${listShapes[method].key}":[${items}]${next}`;
  if (era === "legacy") return `${page}}`;
  return `${page},"resultType":"complete",${hintMembers(hints)}}`;
}
