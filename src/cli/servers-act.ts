/** `authensor-gw servers retry|restart|enable|disable`. */

import { type LiveServer, paths, type ServerAction } from "../admin/contract.ts";
import { printable } from "../base/printable.ts";
import type { Invocation, Run } from "./command.ts";
import { changeAtGateway } from "./context.ts";
import { needReach } from "./reach.ts";
import { isInTrouble } from "./servers-show.ts";

const pathOf = {
  retry: paths.serverRetry,
  restart: paths.serverRestart,
  enable: paths.serverEnable,
  disable: paths.serverDisable,
} as const satisfies Record<ServerAction, string>;

/** Exit 0 when the server is as it was wished, 1 when it is in trouble afterwards. */
export function runAction(action: ServerAction): Run {
  return async (call: Invocation) => {
    const config = await needReach(call);
    const body = { server: call.args[0] ?? "" };
    const server = await changeAtGateway(call, config, (client) =>
      client.post<LiveServer>(pathOf[action], body),
    );
    call.io.out(call.options.has("json") ? JSON.stringify(server) : text(server));
    return isInTrouble(server) ? 1 : 0;
  };
}

function text(server: LiveServer): string {
  const { id, state, trouble, pid } = server;
  if (state === "disabled") return `${id} is disabled until the gateway is started anew.`;
  if (state === "starting") return `${id} is starting still: authensor-gw servers show ${id}`;
  const process = pid === null ? "" : `, pid ${pid}`;
  if (trouble === null) return `${id} is ${state}${process}.`;
  return `${id} is ${state}: ${printable(trouble.cause)}\nTry: ${printable(trouble.fix)}`;
}
