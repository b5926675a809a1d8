/** `authensor-gw keys create`: makes a key, at the gateway or in its store. */

import { paths } from "../admin/contract.ts";
import type { CreatedKey } from "../admin/contract-keys.ts";
import { fault } from "../base/errors.ts";
import type { Invocation } from "./command.ts";
import { changeAtGatewayOr } from "./context.ts";
import { durationOption, showCreated } from "./keys-text.ts";
import { needReach } from "./reach.ts";

export async function run(call: Invocation): Promise<number> {
  const name = call.options.text("name");
  const roles = call.options.all("role");
  if (name === undefined || roles.length === 0) {
    const missing = name === undefined ? "--name" : "--role";
    const fix = "authensor-gw keys create --role executor --name my-agent";
    throw fault("GW_USAGE", { message: `"keys create" needs ${missing}`, fix });
  }
  const life = durationOption(call, "expires");
  if (life === 0) {
    const message = `--expires "${call.options.text("expires")}": the key would be over at once`;
    throw fault("GW_USAGE", { message, fix: "write --expires 90d, or leave it out" });
  }
  const config = await needReach(call);
  return await showCreated(call, () =>
    changeAtGatewayOr<CreatedKey>(
      call,
      config,
      (client) => client.post(paths.keys, { name, roles, expires_in_ms: life ?? null }),
      async () => {
        const { createKeyOffline } = await import("../gateway/offline-keys.ts");
        const expiresMs = life === undefined ? null : Date.now() + life;
        return await createKeyOffline(config, { name, roles, expiresMs });
      },
    ),
  );
}
