/** What the running gateway does now, whole. */

import { type LiveSnapshot, paths } from "../admin/contract.ts";
import type { Config } from "../gateway/config-model.ts";
import type { Invocation } from "./command.ts";
import { fromGateway } from "./context.ts";

export function liveSnapshot(call: Invocation, config: Config): Promise<LiveSnapshot> {
  return fromGateway(call, config, (client) => client.get<LiveSnapshot>(paths.snapshot));
}
