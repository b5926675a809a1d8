/**
 * The gateway of a config, where it answers. It is asked for its status first, with little time:
 * one that hangs is told as that, is never taken for one that does not run, and has been asked for
 * no change that it would make later, when the command has long failed.
 */

import { adminClient } from "../admin/client.ts";
import { type GatewayStatus, paths } from "../admin/contract.ts";
import { fault, GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Config } from "../gateway/config-model.ts";
import { needOpen } from "../gateway/data-dir.ts";
import { readOwner } from "../gateway/owner.ts";

export interface Answering {
  readonly socket: string;
  /** undefined: it answers, with an error. What is asked next says the same or works. */
  readonly status: GatewayStatus | undefined;
}

/**
 * Throws GW_NOT_RUNNING, GW_SILENT with its process and what to do, GW_SOCKET, or GW_DATA_DIR where
 * this user cannot see if one runs. `changes`: it is to be asked for a change, and who wants it is
 * told that there was none.
 */
export async function answering(config: Config, changes = false): Promise<Answering> {
  try {
    return await find(config);
  } catch (thrown) {
    if (!isSilent(thrown)) throw thrown;
    const nothing = changes ? "; nothing was asked of it, so nothing is changed" : "";
    throw await whySilent(thrown, config.dataDir, nothing);
  }
}

async function find({ admin: { socket }, dataDir }: Config): Promise<Answering> {
  try {
    return await ask(socket);
  } catch (thrown) {
    if (!isNotRunning(thrown)) throw thrown;
    needNote(dataDir, socket);
    // Another XDG_RUNTIME_DIR means another default: owner.json says where its gateway listens.
    const other = readOwner(dataDir)?.socket ?? "";
    if (other === "" || other === socket) throw thrown;
    return await ask(other);
  }
}

/** Throws GW_DATA_DIR where this user cannot read on which other socket a gateway may listen. */
function needNote(dataDir: string, socket: string): void {
  try {
    needOpen(dataDir);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    const { code, message, why, fix } = thrown;
    const cause = `${why}; none answers on "${socket}", and data_dir says if one listens elsewhere`;
    throw fault(code, { message, cause, fix });
  }
}

export function isNotRunning(thrown: unknown): boolean {
  return thrown instanceof GatewayError && thrown.code === "GW_NOT_RUNNING";
}

export function isSilent(thrown: unknown): thrown is GatewayError {
  return thrown instanceof GatewayError && thrown.code === "GW_SILENT";
}

async function ask(socket: string): Promise<Answering> {
  const client = adminClient({ socket, timeoutMs: limits.gatewaySilentMs });
  try {
    return { socket, status: await client.get<GatewayStatus>(paths.status) };
  } catch (thrown) {
    const away = ["GW_NOT_RUNNING", "GW_SILENT", "GW_SOCKET"];
    if (!(thrown instanceof GatewayError) || away.includes(thrown.code)) throw thrown;
    return { socket, status: undefined };
  }
}

/** GW_SILENT with the process that owns data_dir, what is wrong with it, and what to do. */
export async function whySilent(
  { message, why }: GatewayError,
  dataDir: string,
  more = "",
): Promise<GatewayError> {
  const { processState } = await import("../doctor/gateway-state.ts");
  const pid = readOwner(dataDir)?.pid;
  const state = pid === undefined ? undefined : processState(pid);
  if (state === "T" || state === "t") {
    const cause = `${why}: process ${pid} is stopped by a signal (STOP), or by a debugger${more}`;
    return fault("GW_SILENT", { message, cause, fix: `kill -CONT ${pid}` });
  }
  // Elsewhere than on Linux, and of another user, nobody knows its process.
  const name = state === undefined ? "its process" : `process ${pid}`;
  const end = state === undefined ? "end it" : `kill -KILL ${pid}`;
  return fault("GW_SILENT", {
    message,
    cause: `${why}: ${name} is starting still, its loop hangs, or the machine is overloaded${more}`,
    fix: `wait a moment; \`authensor-gw doctor\` says more; if it stays so, ${end}, start it anew`,
  });
}
