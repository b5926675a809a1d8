/** `authensor-gw keys list`. */

import { type ListedKey, paths } from "../admin/contract.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { fromGatewayOr } from "./context.ts";
import { table } from "./print.ts";
import { needReach } from "./reach.ts";

export async function run(call: Invocation): Promise<number> {
  const config = await needReach(call);
  const keys = await fromGatewayOr<readonly ListedKey[]>(
    call,
    config,
    (client) => client.get(paths.keys),
    async () => (await import("../gateway/offline-keys.ts")).listKeysOffline(config),
  );
  if (call.options.has("json")) {
    for (const key of keys) call.io.out(JSON.stringify(key));
  } else if (keys.length === 0) {
    call.io.out("No keys yet: authensor-gw keys create --role executor --name my-agent");
  } else {
    const rows = keys.map((key) => [
      printable(key.name),
      key.state,
      key.roles.join(","),
      key.id,
      key.created_at,
      key.expires_at ?? "never",
    ]);
    call.io.out(table([["NAME", "STATE", "ROLES", "ID", "CREATED", "ENDS"], ...rows]));
  }
  return 0;
}
