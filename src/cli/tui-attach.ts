/**
 * Which gateway the terminal interface shows: the one of this config, or one at the usual sockets.
 * Never a second one beside it: who may not open its socket is told so.
 */

import path from "node:path";
import { adminClient } from "../admin/client.ts";
import { type GatewayStatus, paths } from "../admin/contract.ts";
import { fault, GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Config } from "../gateway/config-model.ts";
import { isOwned, ownedBy, readOwner } from "../gateway/owner.ts";
import { isSilent, whySilent } from "./answering.ts";
import type { Io } from "./print.ts";
import { serviceFolder, socketsIn } from "./reach.ts";

/** Of services, whose config this user may not even read. */
const serviceConfig = "/etc/authensor-gw";

/**
 * The socket of a gateway that answers; undefined when none runs. `named`: the config was named,
 * so no other gateway is meant. Throws GW_SOCKET when there is one that this user may not open,
 * GW_SILENT when there is one that hangs.
 */
export async function findGateway(
  config: Config | undefined,
  named: boolean,
  io: Pick<Io, "env">,
): Promise<string | undefined> {
  let forbidden: GatewayError | undefined;
  for (const socket of candidates(config, named, io)) {
    const answer = await probe(socket);
    if (answer === true) return socket;
    if (answer !== false) forbidden ??= answer;
  }
  if (forbidden !== undefined) {
    const known = config !== undefined && isSilent(forbidden);
    throw known ? await whySilent(forbidden, config.dataDir) : forbidden;
  }
  if (config !== undefined && ownedSilently(config.dataDir)) throw silent(config.dataDir);
  return undefined;
}

function candidates(
  config: Config | undefined,
  named: boolean,
  { env }: Pick<Io, "env">,
): readonly string[] {
  const runtime = env["XDG_RUNTIME_DIR"] ?? "";
  const folders = [serviceFolder, ...(runtime === "" ? [] : [path.join(runtime, "authensor-gw")])];
  const found: string[] = [];
  if (config !== undefined) {
    const { socket } = config.admin;
    // The name says which data_dir it is of: the same name elsewhere is the same gateway.
    const same = folders.map((folder) => path.join(folder, path.basename(socket)));
    found.push(socket, readOwner(config.dataDir)?.socket ?? "", ...same);
  }
  // A config of the user's own means its own gateway; that of the machine, the machine's.
  const ofMachine = config === undefined || path.dirname(config.file) === serviceConfig;
  if (ofMachine && !named) found.push(...folders.flatMap(socketsIn));
  return [...new Set(found.filter((socket) => socket !== ""))];
}

/** Throws GW_SOCKET for a socket that this user may not open: waiting would not help. */
export async function mayOpen(socket: string): Promise<void> {
  const answer = await probe(socket);
  if (answer instanceof GatewayError && !isSilent(answer)) throw answer;
}

/** An error: something is there that this user may not open. */
async function probe(socket: string): Promise<boolean | GatewayError> {
  try {
    await adminClient({ socket, timeoutMs: limits.tuiProbeMs }).get<GatewayStatus>(paths.status);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    if (thrown.code === "GW_NOT_RUNNING") return false;
    if (thrown.code === "GW_SOCKET" || thrown.code === "GW_SILENT") return thrown;
    // It answers, though not this question: what it says is shown in the interface.
    return true;
  }
}

function ownedSilently(dataDir: string): boolean {
  try {
    return isOwned(dataDir);
  } catch {
    // Not this user's: a start would say so with all details.
    return false;
  }
}

/** A second start would fail with the same words, after more time. */
function silent(dataDir: string): GatewayError {
  const owner = ownedBy(dataDir);
  return fault("GW_SILENT", {
    message: `A gateway has data_dir "${dataDir}" but does not answer on its socket`,
    cause: owner.why,
  });
}
