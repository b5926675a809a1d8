/** How long a result may be kept, and by whom (2026-07-28, caching). */

import { type JsonObject, member } from "../base/json.ts";
import type { Era } from "./message.ts";

export interface CacheHints {
  readonly ttlMs: number;
  readonly cacheScope: "public" | "private";
}

/** What a legacy server says of it, which is nothing. */
export const notKept: CacheHints = { ttlMs: 0, cacheScope: "private" };

/** Of a result of a server of this era; what it does not say soundly is not to be kept. */
export function readHints(result: JsonObject, era: Era): CacheHints {
  if (era === "legacy") return notKept;
  const ttl = member(result, "ttlMs");
  const sound = typeof ttl === "number" && Number.isSafeInteger(ttl) && ttl >= 0;
  const cacheScope = member(result, "cacheScope") === "public" ? "public" : "private";
  return { ttlMs: sound ? ttl : 0, cacheScope };
}

/** Of what was put together: the shortest time, private where any part is; none: not kept. */
export function leastHints(parts: readonly CacheHints[]): CacheHints {
  if (parts.length === 0) return notKept;
  return {
    ttlMs: Math.min(...parts.map(({ ttlMs }) => ttlMs)),
    cacheScope: parts.every((one) => one.cacheScope === "public") ? "public" : "private",
  };
}

/** The members of a modern result, after those before. */
export function hintMembers({ ttlMs, cacheScope }: CacheHints): string {
  return `"ttlMs":${ttlMs},"cacheScope":"${cacheScope}"`;
}
