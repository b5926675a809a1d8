/** What the control API may see and do, cut from the parts of a running gateway. */

import { join } from "node:path";
import type { AdminPorts } from "../admin/routes.ts";
import { receiptBook } from "./receipts.ts";
import type { Parts } from "./serve.ts";
import { statusOf } from "./status.ts";

export function adminPorts(parts: Parts, reload: (keyId: string) => void): AdminPorts {
  const { access, audit, catalog } = parts;
  const receipts = receiptBook(parts.store, join(parts.config.dataDir, "spool"));
  return {
    status: () => statusOf(parts),
    access,
    audit,
    receipts: receipts.list,
    receipt: receipts.detail,
    tools: () => catalog.all(),
    quarantined: () => catalog.quarantined(),
    policy: () => parts.policy.current,
    reload: async (keyId) => reload(keyId),
  };
}
