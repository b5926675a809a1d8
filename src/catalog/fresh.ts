/** When a list that is well is read again. */

import { isObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { CacheHints } from "../protocol/cache-hints.ts";
import { type ListMethod, listShapes } from "../protocol/lists.ts";
import type { Owner } from "./item.ts";

/** The server's `freshness`; sooner where it does not tell of changes and gives a shorter life. */
export function freshMs(owner: Owner, method: ListMethod, hints: CacheHints | undefined): number {
  const { freshnessMs, maxStaleMs } = owner.lists;
  // One that is well must not leave because nobody looked.
  const ms = Math.min(freshnessMs, maxStaleMs / 2);
  const ttlMs = hints?.ttlMs ?? 0;
  if (ttlMs === 0 || tells(owner, method)) return ms;
  return Math.min(ms, Math.max(ttlMs, limits.freshnessLeastMs));
}

function tells({ upstream }: Owner, method: ListMethod): boolean {
  const declared = member(upstream.hello()?.capabilities ?? {}, listShapes[method].capability);
  return isObject(declared) && member(declared, "listChanged") === true;
}
