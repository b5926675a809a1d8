/** Is there a gateway on this config's data_dir, and does it answer? */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { GatewayStatus, LiveSnapshot } from "../admin/contract.ts";
import { paths } from "../admin/contract.ts";
import { asFault, fault } from "../base/errors.ts";
import { realPath } from "../gateway/config-find.ts";
import type { Config } from "../gateway/config-model.ts";
import { needOpen } from "../gateway/data-dir.ts";
import { isOwned, ownedBy, readOwner } from "../gateway/owner.ts";
import { askHttp } from "./ask.ts";
import { findingOf } from "./finding.ts";
import type { GatewayState } from "./world.ts";

export async function gatewayState(config: Config | undefined): Promise<GatewayState> {
  if (config === undefined) return { kind: "down" };
  const note = readOwner(config.dataDir);
  const sockets = [...new Set([note?.socket ?? "", config.admin.socket])].filter(existsSync);
  for (const socket of sockets) {
    try {
      return await ask(socket, config);
    } catch (thrown) {
      const code = (thrown as { code?: unknown }).code;
      if (code === "EACCES" || code === "EPERM") return { kind: "closed", finding: closed(socket) };
      // Another one may answer; who owns data_dir decides below.
      if (code === "GW_OWNED") {
        return { kind: "closed", finding: findingOf("gateway", asFault(thrown, "Cannot ask")) };
      }
    }
  }
  try {
    needOpen(config.dataDir);
  } catch (thrown) {
    const error = asFault(thrown, "Cannot look into data_dir");
    const effect = "this user cannot see whether the gateway runs, and cannot start it";
    return { kind: "closed", finding: findingOf("gateway", error, { effect }) };
  }
  if (!owned(config)) return { kind: "down" };
  return { kind: "silent", pid: note?.pid };
}

async function ask(socket: string, config: Config): Promise<GatewayState> {
  const get = async <T>(path: string): Promise<T> => {
    const answer = await askHttp({ url: `http://localhost${path}`, socket });
    if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`);
    return JSON.parse(answer.text) as T;
  };
  const [status, live] = await Promise.all([
    get<GatewayStatus>(paths.status),
    // An older gateway has none.
    get<LiveSnapshot>(paths.snapshot).catch(() => undefined),
  ]);
  if (realPath(status.config) !== realPath(config.file)) throw ownedBy(config.dataDir);
  return { kind: "up", status, live, get };
}

function closed(socket: string) {
  const message = `Cannot open the admin socket "${socket}"`;
  return findingOf("gateway", fault("GW_SOCKET", { message }), {
    effect: "the gateway itself could not be checked",
  });
}

/** Asks for the lock only where one is: asking makes it. */
function owned(config: Config): boolean {
  if (!existsSync(join(config.dataDir, "owner.db"))) return false;
  try {
    return isOwned(config.dataDir);
  } catch {
    return false; // what is wrong with data_dir is found by the check of the start
  }
}

/** `stopped` (SIGSTOP, a debugger), `running`, …; undefined: it is gone, or nobody says. */
export function processState(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/status`, "utf8").match(/^State:\s+(\S)/m);
    return line?.[1];
  } catch {
    return undefined; // no such process, or no /proc
  }
}
