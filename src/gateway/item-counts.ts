/** How much of each kind a server offers. */

import type { ItemCounts } from "../admin/contract.ts";
import type { Catalog } from "../catalog/catalog.ts";

export interface ServerCounts {
  readonly tools: number;
  readonly heldBackTools: number;
  readonly items: ItemCounts;
}

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
