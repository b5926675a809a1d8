/** How much of each kind a server offers, and how old that is. */

import type { HiddenText, ItemCounts, ShownAge } from "../admin/shown-age.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import type { Catalog } from "../catalog/catalog.ts";

export interface ServerCounts {
  readonly tools: number;
  readonly heldBackTools: number;
  readonly items: ItemCounts;
}

export function shownAge(catalog: Catalog, server: string): ShownAge | null {
  const age = catalog.listAge(server);
  if (age === undefined) return null;
  const { readMs, stale, leavesMs } = age;
  return {
    readMs,
    stale: stale === undefined ? null : printable(stale).slice(0, limits.liveTextChars),
    leavesMs: leavesMs ?? null,
  };
}

/** Names of URIs may hide something as well. */
export function shownHidden(catalog: Catalog, server: string): HiddenText {
  const { characters, items } = catalog.hidden(server);
  return { characters, items: items.map((item) => printable(item).slice(0, limits.liveTextChars)) };
}

/** The commonest reasons, with how many there are of each. */
export function heldBackWhy(catalog: Catalog, server: string): readonly string[] {
  const counts = new Map<string, number>();
  for (const one of catalog.quarantined()) {
    if (one.server === server) counts.set(one.why, (counts.get(one.why) ?? 0) + (one.count ?? 1));
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, reasonsShown)
    .map(([why, count]) => `${count}: ${printable(why).slice(0, limits.liveTextChars)}`);
}

/** `tools list` has all of them. */
const reasonsShown = 3;

export function countsOf(catalog: Catalog, server: string): ServerCounts {
  const tools = catalog.count("tools/list", server);
  const prompts = catalog.count("prompts/list", server);
  const resources = catalog.count("resources/list", server);
  const templates = catalog.count("resources/templates/list", server);
  return {
    tools: tools.offered,
    heldBackTools: tools.heldBack,
    items: {
      prompts: prompts.offered,
      resources: resources.offered,
      templates: templates.offered,
      heldBack: prompts.heldBack + resources.heldBack + templates.heldBack,
    },
  };
}
