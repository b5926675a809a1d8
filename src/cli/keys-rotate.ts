/** `authensor-gw keys rotate`: a new token under the same name. */

import { paths } from "../admin/contract.ts";
import type { CreatedKey } from "../admin/contract-keys.ts";
import type { Invocation } from "./command.ts";
import { changeAtGatewayOr } from "./context.ts";
import { durationOption, showCreated } from "./keys-text.ts";
import { needReach } from "./reach.ts";

export async function run(call: Invocation): Promise<number> {
  const key = call.args[0] ?? "";
  const graceMs = durationOption(call, "grace") ?? 0;
  const config = await needReach(call);
  return await showCreated(call, () =>
    changeAtGatewayOr<CreatedKey>(
      call,
      config,
      (client) => client.post(paths.rotate, { key, grace_ms: graceMs }),
      async () =>
        (await import("../gateway/offline-keys.ts")).rotateKeyOffline(config, key, graceMs),
    ),
  );
}
