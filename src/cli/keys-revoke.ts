/** `authensor-gw keys revoke`. */

import { type ListedKey, paths } from "../admin/contract.ts";
import type { Invocation } from "./command.ts";
import { changeAtGatewayOr } from "./context.ts";
import { needReach } from "./reach.ts";

export async function run(call: Invocation): Promise<number> {
  const key = call.args[0] ?? "";
  const config = await needReach(call);
  const { keys, stored } = await changeAtGatewayOr<{
    keys: readonly ListedKey[];
    stored: boolean;
  }>(
    call,
    config,
    (client) => client.post(paths.revoke, { key }),
    async () => (await import("../gateway/offline-keys.ts")).revokeKeyOffline(config, key),
  );
  for (const one of keys) {
    const json = call.options.has("json");
    call.io.out(json ? JSON.stringify(one) : `Key "${one.name}" (${one.id}) is revoked.`);
  }
  if (!stored) call.io.err("The database does not answer: data_dir holds this until it does.");
  return 0;
}
