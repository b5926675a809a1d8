/** What the control API may see and do, cut from the parts of a running gateway. */

import { join } from "node:path";
import type { AdminItem, AdminPorts } from "../admin/routes.ts";
import type { Catalog, Item } from "../catalog/catalog.ts";
import type { Live } from "./live.ts";
import { liveActions } from "./live-actions.ts";
import type { Parts } from "./parts.ts";
import { readReceipt, readReceipts } from "./receipts.ts";
import type { Reloads } from "./reload.ts";
import { statusOf } from "./status.ts";

export function adminPorts(parts: Parts, live: Live, reloads: Reloads): AdminPorts {
  const { access, audit, catalog } = parts;
  const spoolDir = join(parts.config.dataDir, "spool");
  const sources = () => {
    const shipped = audit.status().spoolRecords === 0;
    return { store: parts.store, spoolDir, shipped };
  };
  return {
    status: () => statusOf(parts, live),
    live: live.feed,
    actions: liveActions(parts, live),
    access,
    audit,
    receipts: (query) => readReceipts(sources(), query),
    receipt: (id) => readReceipt(sources(), id),
    tools: () => catalog.all(),
    quarantined: () => catalog.quarantined().filter(({ kind }) => kind === "tool"),
    items: () => adminItems(catalog),
    unlisted(uri) {
      const item = catalog.resource(uri);
      return item && adminItem(catalog, "resource", item);
    },
    heldBackItems: () =>
      catalog
        .quarantined()
        .flatMap(({ kind, ...one }) => (kind === "tool" ? [] : { kind, ...one })),
    policy: () => parts.policy.current,
    logLevel: parts.logLevel,
    reload: reloads.reload,
  };
}

const kinds = {
  "prompts/list": "prompt",
  "resources/list": "resource",
  "resources/templates/list": "template",
} as const;

function adminItems(catalog: Catalog): readonly AdminItem[] {
  const methods = Object.keys(kinds) as (keyof typeof kinds)[];
  return methods.flatMap((method) =>
    catalog.listed(method).map((item) => adminItem(catalog, kinds[method], item)),
  );
}

function adminItem(catalog: Catalog, kind: AdminItem["kind"], item: Item): AdminItem {
  return { kind, server: item.server, exposed: item.exposed, target: catalog.target(item) };
}
