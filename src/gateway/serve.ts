/** The composition root: listens, opens every part of one gateway behind that, and closes them. */

import { mkdirSync } from "node:fs";
import process from "node:process";
import type { GatewayStatus } from "../admin/contract.ts";
import { fault } from "../base/errors.ts";
import { createLog } from "../base/log.ts";
import { currentRuntime } from "../runtime/current.ts";
import { createGate } from "./gate.ts";
import { openFront } from "./listeners.ts";
import { loadPolicy } from "./load-policy.ts";
import { ownDataDir } from "./owner.ts";
import type { PartsOptions } from "./parts.ts";

export type ServeOptions = PartsOptions;

export interface Running {
  readonly listen: readonly string[];
  status(): GatewayStatus;
  /** Loads the policy files anew; throws and changes nothing when they do not load. */
  reload(): Promise<void>;
  /** Stops accepting, lets calls in flight end, closes the chain. */
  stop(): Promise<void>;
}

/**
 * Starts one gateway. The doors open as soon as config, policy and data_dir are good: /health is
 * answered, other requests wait for the rest. Throws GatewayErrors; what was opened is closed again.
 */
export async function serve(options: ServeOptions): Promise<Running> {
  const { config } = options;
  const log = createLog({ level: config.log.level });
  for (const note of config.notes) log.warn(note);
  const runtime = await currentRuntime();
  // A bad policy stops the start before anything is touched.
  const policy = { current: await loadPolicy(config.policy) };
  makeDataDir(config.dataDir);
  const owner = ownDataDir(config.dataDir, config.admin.socket);
  const undo: (() => unknown)[] = [() => owner.release()];
  try {
    const ports: number[] = [];
    const gate = createGate(config.hosts, ports);
    const doors = await openFront(runtime, config, gate.handle);
    for (const door of doors) ports.push(door.listener.port);
    const open = [...doors];
    const closeDoors = () => Promise.all(open.splice(0).map((door) => door.listener.stop(true)));
    undo.push(closeDoors);
    // L8: a child of the same user could otherwise read our environment and memory.
    if (!runtime.sys.notDumpable()) log.debug("children may read this process's environment");

    const { openBehind, reload, stop } = await import("./behind.ts");
    const { parts, front } = await openBehind({ ...options, runtime, log, policy, ports }, undo);
    // The last to open are the first to close, wherever we are by then.
    undo.push(closeDoors);
    parts.doors = [...doors, ...parts.doors];
    gate.open((request, peer) => front.handle(request, peer));
    for (const upstream of parts.upstreams) upstream.start();
    runtime.sys.notify("READY=1");
    const listen = parts.doors.map((door) => door.url);
    const where = { listen, data_dir: config.dataDir, pid: process.pid };
    log.info("gateway is up", { version: options.version, ...where });
    const { statusOf } = await import("./status.ts");
    return {
      listen,
      status: () => statusOf(parts),
      reload: () => reload(parts, "SIGHUP"),
      stop: () => stop(parts, undo),
    };
  } catch (thrown) {
    for (const close of undo.reverse()) await close();
    throw thrown;
  }
}

function makeDataDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    const cause = thrown instanceof Error ? thrown.message : String(thrown);
    throw fault("GW_DATA_DIR", { message: `Cannot make data_dir "${path}"`, cause });
  }
}
