/** `authensor-gw reload`: the running gateway loads its policy files anew. */

import { type GatewayStatus, paths } from "../admin/contract.ts";
import type { Invocation } from "./command.ts";
import { changeAtGateway, needConfig } from "./context.ts";
import { counted } from "./words.ts";

export async function run(call: Invocation): Promise<number> {
  const { policy } = await changeAtGateway(call, needConfig(call), (client) =>
    client.post<Pick<GatewayStatus, "policy">>(paths.reload, {}),
  );
  const words = `Policy in force: ${counted(policy.rules, "rule")}, ${policy.hash.slice(0, 12)}.`;
  call.io.out(call.options.has("json") ? JSON.stringify(policy) : words);
  return 0;
}
