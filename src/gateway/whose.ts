/** Whose gateway runs on a data_dir: this config's own, or another one. */

import { adminClient } from "../admin/client.ts";
import { type GatewayStatus, paths } from "../admin/contract.ts";
import { GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { realPath } from "./config-find.ts";
import type { Config } from "./config-model.ts";
import { isOwned, ownedBy, readOwner } from "./owner.ts";

/** This config's own running gateway; undefined: none runs. GW_OWNED: another's; GW_SILENT. */
export async function ownerOf(config: Config): Promise<{ readonly pid: number } | undefined> {
  if (!isOwned(config.dataDir)) return undefined;
  const socket = readOwner(config.dataDir)?.socket || config.admin.socket;
  try {
    const client = adminClient({ socket, timeoutMs: limits.gatewaySilentMs });
    const status = await client.get<GatewayStatus>(paths.status);
    if (realPath(status.config) === realPath(config.file)) return { pid: status.pid };
  } catch (thrown) {
    // Whoever it is says no to us: then it is the owner that is told.
    if (!(thrown instanceof GatewayError) || thrown.code === "GW_SILENT") throw thrown;
  }
  throw ownedBy(config.dataDir);
}
