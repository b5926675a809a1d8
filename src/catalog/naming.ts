/** Names as agents see them; the way back is a table, never a split (P16). */

import { createHash } from "node:crypto";
import { limits } from "../base/limits.ts";

export type Naming = "prefix" | "auto" | "bare";

export interface Named {
  readonly server: string;
  readonly name: string;
}

/** One name for each, in order. `servers`: every id of the config, listed now or not. */
export function exposedNames(
  items: readonly Named[],
  naming: Naming,
  servers: readonly string[],
): readonly string[] {
  if (naming === "bare") return items.map(({ name }) => shortened(name));
  if (naming === "prefix") return items.map(prefixed);
  const owners = new Map<string, number>();
  for (const { name } of items) owners.set(name, (owners.get(name) ?? 0) + 1);
  const ids = new Set(servers);
  return items.map((item) => {
    // P17: `a__x` of b would be what agents call x of a as soon as that needs its prefix.
    const looksPrefixed = ids.has(item.name.split("__", 1)[0] as string);
    const bare = owners.get(item.name) === 1 && !(looksPrefixed && item.name.includes("__"));
    return bare ? shortened(item.name) : prefixed(item);
  });
}

function prefixed({ server, name }: Named): string {
  return shortened(`${server}__${name}`);
}

/** The same short name for the same long one, in every run and at every gateway. */
export function shortened(full: string): string {
  if (full.length <= limits.exposedNameChars) return full;
  const digest = createHash("sha256").update(full).digest("hex").slice(0, 8);
  const kept = limits.exposedNameChars - digest.length - 1;
  // Half a character is no text.
  const last = full.charCodeAt(kept - 1);
  const end = last >= 0xd800 && last < 0xdc00 ? kept - 1 : kept;
  return `${full.slice(0, end)}_${digest}`;
}
