/** The gateway behind a stdio client: the one that runs, or one that is started for it. */

import { fault, GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Config } from "../gateway/config-model.ts";
import { answersAt, mcpSocket } from "../gateway/mcp-socket.ts";
import { isOwned, readOwner } from "../gateway/owner.ts";
import type { Io } from "./print.ts";
import { startOwnGateway } from "./tui-start.ts";

const pollMs = 50;

/** Its MCP socket. Of several clients at once one starts it, the others find it. */
export async function reachGateway(config: Config, io: Io): Promise<string> {
  const until = performance.now() + limits.stdioStartMs;
  for (;;) {
    const socket = await answering(config);
    if (socket !== undefined) return socket;
    if (!isOwned(config.dataDir)) await start(config, io);
    if (performance.now() > until) {
      throw fault("GW_SILENT", {
        message: `A gateway has data_dir "${config.dataDir}" but does not answer on its MCP socket`,
        cause: `tried for ${limits.stdioStartMs / 1000} s`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function start(config: Config, io: Io): Promise<void> {
  const { AUTHENSOR_GW_KEY: _key, ...env } = io.env;
  try {
    await startOwnGateway(config, { ...io, env }, ["--idle-exit", `${limits.stdioIdleMs}ms`]);
  } catch (thrown) {
    // Another client was faster: its gateway is ours too.
    if (!(thrown instanceof GatewayError) || thrown.code !== "GW_OWNED") throw thrown;
  }
}

async function answering(config: Config): Promise<string | undefined> {
  const places = [config.admin.socket, readOwner(config.dataDir)?.socket ?? ""];
  for (const admin of new Set(places.filter((place) => place !== ""))) {
    const socket = mcpSocket(admin);
    if (await answersAt(socket)) return socket;
  }
  return undefined;
}
