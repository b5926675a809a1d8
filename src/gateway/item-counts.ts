/** How much of each kind a server offers. */

import type { ItemCounts } from "../admin/contract.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { ListMethod } from "../protocol/lists.ts";

export interface ServerCounts {
  readonly tools: number;
  readonly heldBackTools: number;
  readonly items: ItemCounts;
}

export function countsOf(catalog: Catalog, server: string): ServerCounts {
  const offered = (method: ListMethod) =>
    catalog.listed(method).filter((item) => item.server === server).length;
  const held = catalog.quarantined().filter((one) => one.server === server);
  const heldBackTools = held.filter(({ kind }) => kind === "tool").length;
  return {
    tools: offered("tools/list"),
    heldBackTools,
    items: {
      prompts: offered("prompts/list"),
      resources: offered("resources/list"),
      templates: offered("resources/templates/list"),
      heldBack: held.length - heldBackTools,
    },
  };
}
