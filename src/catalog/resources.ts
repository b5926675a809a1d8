/** Which server a URI goes to: one, or none; nothing is sent to two. */

import { limits } from "../base/limits.ts";
import { templateMatches } from "../base/uri-template.ts";
import type { Item } from "./catalog.ts";
import { type Listed, type Owner, unlistedResource } from "./item.ts";

export interface ResourceTable {
  readonly listed: ReadonlyMap<string, Listed>;
  readonly templates: ReadonlyMap<string, Listed>;
  /** Servers that have resources at all, now. */
  readonly owners: readonly Owner[];
}

/**
 * Listed, else made of a template (the first in the order of the config), else of the only server
 * that has resources. A template's own text is found too: completions name it.
 */
export function resolveResource(uri: string, table: ResourceTable): Item | undefined {
  const known = table.listed.get(uri) ?? table.templates.get(uri);
  if (known !== undefined) return known;
  if (uri.length > limits.uriBytes || !hasScheme(uri) || climbs(uri)) return undefined;
  for (const item of table.templates.values()) {
    if (item.template === undefined || !templateMatches(item.template, uri)) continue;
    const owner = table.owners.find(({ upstream }) => upstream.id === item.server);
    if (owner !== undefined) return unlistedResource(owner, uri, item.definitionHash);
  }
  const [only, another] = table.owners;
  if (only === undefined || another !== undefined) return undefined;
  return unlistedResource(only, uri, "");
}

/** What has none is no URI, but a name that means something to one server only. */
function hasScheme(uri: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(uri);
}

/** `..` between slashes, however written: the server may read another URI than policy did (P22). */
function climbs(uri: string): boolean {
  const dots = uri.toLowerCase().replaceAll("%2e", ".");
  const path = dots.replaceAll("%2f", "/").replaceAll("%5c", "/").replaceAll("\\", "/");
  return path.split("/").some((segment) => segment === "..");
}
