/** The composition root: listens, opens every part of one gateway behind that, and closes them. */

import { mkdirSync } from "node:fs";
import process from "node:process";
import { limits } from "../base/limits.ts";
import { createLog, type Log } from "../base/log.ts";
import { dropUnused } from "../base/spare-memory.ts";
import { systemClock } from "../base/system.ts";
import { currentRuntime } from "../runtime/current.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Close } from "./close-all.ts";
import { dataDirFault, openToOthers } from "./data-dir.ts";
import { createGate, earlyHealth } from "./gate.ts";
import { createIdle } from "./idle.ts";
import { keepSmall } from "./keep-small.ts";
import { endLeftovers, endOwn } from "./leftovers.ts";
import { type Door, openAdmin, openAdminPort, openFront, openMcpSocket } from "./listeners.ts";
import { loadPolicy } from "./load-policy.ts";
import { createLogLevel } from "./log-level.ts";
import { logWriter } from "./log-writer.ts";
import { type Owner, ownDataDir } from "./owner.ts";
import type { Parts, PartsOptions } from "./parts.ts";
import { reapOrphans } from "./reap.ts";
import { shedSilent } from "./shed.ts";

export interface ServeOptions extends PartsOptions {
  /** Ends by itself after this long without a request, a stream or a watcher. */
  readonly idleExitMs?: number;
}

export interface Running {
  readonly listen: readonly string[];
  /** Loads config and policy anew; throws and changes nothing when they do not load. */
  reload(): Promise<void>;
  /** Resolves when `idleExitMs` is over; never without it. */
  readonly idle: Promise<void>;
  /** Stops accepting, lets calls in flight end, closes the chain. */
  stop(): Promise<void>;
}

/**
 * Starts one gateway. The doors open as soon as config, policy and data_dir are good: /health is
 * answered, other requests wait for the rest. Throws GatewayErrors; what was open is closed again.
 */
export async function serve(options: ServeOptions): Promise<Running> {
  const { config } = options;
  const logLevel = createLogLevel(config.log.level, systemClock, ({ level }) => {
    log.info("log level is the config's again", { was: level });
  });
  const log: Log = createLog({ level: logLevel.admits, write: logWriter(config.log.format) });
  for (const note of config.notes) log.warn(note);
  const runtime = await currentRuntime();
  // A bad policy stops the start before anything is touched.
  const policy = { current: await loadPolicy(config) };
  makeDataDir(config.dataDir, log);
  const owner = await ownDataDir(config.dataDir, config.admin.socket);
  const undo: Close[] = [freeing(owner), () => endOwn(owner.run, log)];
  try {
    const ports: number[] = [];
    const { idleExitMs } = options;
    const idle = idleExitMs === undefined ? undefined : createIdle(systemClock, idleExitMs);
    const noted = idle?.noted ?? ((handle) => handle);
    const mcp = createGate(earlyHealth(config.hosts, ports));
    const admin = createGate(() => undefined);
    const doors: Door[] = [];
    const closeDoors = () => Promise.all(doors.splice(0).map((door) => door.listener.stop(true)));
    undo.push(closeDoors);
    doors.push(await openAdmin(runtime, config, admin.handle));
    doors.unshift(...(await openFront(runtime, config, noted(mcp.handle), mcp.malformed)));
    for (const door of doors.slice(0, -1)) ports.push(door.listener.port);
    doors.push(await openMcpSocket(runtime, config, noted(mcp.handle)));
    doors.push(...(await openAdminPort(runtime, config, admin.handle)));
    await loadBehind();
    // L8: a child of the same user could otherwise read our environment and memory.
    if (!runtime.sys.notDumpable()) log.debug("children may read this process's environment");

    const { openBehind, stop } = await import("./behind.ts");
    const { notifierOf } = await import("./notify.ts");
    const leftovers = endLeftovers(owner.run, log);
    undo.push(reapOrphans(runtime.sys, systemClock));
    const before = {
      ...options,
      run: owner.run,
      runtime,
      log,
      logLevel,
      policy,
      doors: [...doors],
      ports,
    };
    const { parts, reloads, mcp: front, admin: api, malformed } = await openBehind(before, undo);
    // The last to open are the first to close, wherever we are by then.
    undo.push(closeDoors);
    mcp.open(front, malformed);
    admin.open(api);
    // One that still holds a port or a file would be in the way of its successor.
    await leftovers;
    for (const { upstream } of parts.servers.all) upstream.start();
    const notifier = notifierOf(parts);
    undo.push(() => notifier.close());
    notifier.ready();
    reloads.within(notifier.reloading);
    undo.push(keepTrimmed(runtime));
    undo.push(keepSmall(systemClock, runtime.sys, () => parts.calls.board.ended));
    undo.push(shedSilent({ clock: systemClock, sys: runtime.sys, log, ports }));
    const listen = parts.doors.map((door) => door.url);
    const where = { listen, data_dir: config.dataDir, pid: process.pid };
    log.info("gateway is up", { version: options.version, ...where });
    return {
      listen,
      idle: idle?.wait(() => isBusy(parts)) ?? new Promise(() => undefined),
      async reload() {
        await reloads.reload("SIGHUP", { dryRun: false });
      },
      stop() {
        notifier.stopping();
        return stop(parts, undo);
      },
    };
  } catch (thrown) {
    for (const close of undo.reverse()) await close();
    throw thrown;
  }
}

/** The kernel frees it with the process: what may still be written must find no successor (A6). */
function freeing(owner: Owner): Close {
  return (pending) => (pending === true ? undefined : owner.release());
}

/**
 * Text pages that are not in use go back to the kernel; those that are come back by themselves. So
 * does memory of large messages that none needs.
 */
function keepTrimmed({ sys }: Runtime): () => void {
  let cancelText = () => {};
  let cancelSpare = () => {};
  const trimAfter = (ms: number) => {
    cancelText = systemClock.after(ms, () => {
      sys.trimText();
      trimAfter(limits.trimTextEveryMs);
    });
  };
  const dropLater = () => {
    cancelSpare = systemClock.after(limits.upstreamSpareMs, () => {
      dropUnused();
      dropLater();
    });
  };
  trimAfter(limits.trimTextAfterMs);
  dropLater();
  return () => {
    cancelText();
    cancelSpare();
  };
}

function isBusy({ front, live, calls }: Parts): boolean {
  const { inFlight = 0, streams = 0 } = front?.status() ?? {};
  // A call that waits for its client's answer has no request open.
  const waiting = calls.parks.size > 0;
  return waiting || inFlight > 0 || streams > 0 || (live?.feed.watchers() ?? 0) > 0;
}

/** One after another, in small steps: /health does not wait until all of it is loaded. */
async function loadBehind(): Promise<void> {
  const loads: readonly (() => Promise<unknown>)[] = [
    () => import("node:stream"),
    () => import("node:crypto"),
    () => import("node:net"),
    () => import("../front/http.ts"),
    () => import("../call/methods.ts"),
    () => import("../access/keys.ts"),
    () => import("../audit/open.ts"),
    () => import("../upstream/open.ts"),
    () => import("../catalog/open.ts"),
    () => import("../admin/routes.ts"),
  ];
  for (const load of loads) {
    await new Promise((resolve) => setImmediate(resolve));
    await load();
  }
}

function makeDataDir(path: string, log: Log): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw dataDirFault(path, thrown, "make");
  }
  for (const note of openToOthers(path)) log.warn(note);
}
