/**
 * What systemd is told (sd_notify(3)): ready, what the gateway does, that it lives. The watchdog is
 * fed by the event loop itself, and only while receipts can be written: a gateway that cannot
 * write them refuses every call and is worth a restart (O7).
 */

import { constants } from "node:fs";
import { type FileHandle, open, statfs } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/ports.ts";
import type { Parts } from "./parts.ts";

export interface Notifier {
  ready(): void;
  /** Tells of a reload while it runs; gives and throws what it does. */
  reloading<T>(reload: () => Promise<T>): Promise<T>;
  stopping(): void;
  close(): void;
}

export interface NotifyPorts {
  /** false: nobody took it now. */
  notify(state: string): boolean;
  readonly clock: Clock;
  /** Environment: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** `7/8 servers ready, 3 in flight`. */
  status(): string;
  /** Why no receipt can be written and a restart could help; undefined: well. May hang. */
  spoolFault(): Promise<string | undefined>;
  readonly log: Pick<Log, "error">;
}

export function notifierOf(parts: Parts): Notifier {
  const { runtime, calls, log, config, audit } = parts;
  return createNotifier({
    notify: (state) => runtime.sys.notify(state),
    clock: calls.clock,
    env: process.env,
    pid: process.pid,
    status: () => statusLine(parts),
    spoolFault: () => spoolFault(config.dataDir, () => audit.status().broken),
    log,
  });
}

/** Does nothing at all where nobody listens. */
export function createNotifier(ports: NotifyPorts): Notifier {
  const { clock, env } = ports;
  if (!env["NOTIFY_SOCKET"]) {
    return { ready() {}, reloading: (reload) => reload(), stopping() {}, close() {} };
  }
  let told = "";
  let owed = "";
  let stopping = false;
  /** What nobody took is told again with the next look: a READY must not get lost. */
  const tell = (state = "") => {
    if (state !== "") owed = state;
    const status = `${stopping ? "stopping: " : ""}${ports.status()}`;
    const lines = [owed, status === told ? "" : `STATUS=${status}`].filter((line) => line !== "");
    if (lines.length === 0 || !ports.notify(lines.join("\n"))) return;
    told = status;
    owed = "";
  };
  const stopStatus = every(clock, limits.notifyStatusMs, tell);
  const stopWatchdog = feedWatchdog(ports);
  return {
    ready: () => tell("READY=1"),
    async reloading(reload) {
      tell("RELOADING=1");
      try {
        return await reload();
      } finally {
        tell("READY=1");
      }
    },
    stopping() {
      stopping = true;
      tell("STOPPING=1");
    },
    close() {
      stopStatus();
      stopWatchdog();
    },
  };
}

/** Three times within systemd's limit, so that one late look is no death. */
function feedWatchdog(ports: NotifyPorts): () => void {
  const { env, clock, log } = ports;
  const limitMs = Number(env["WATCHDOG_USEC"] ?? "") / 1000;
  const forUs = env["WATCHDOG_PID"] === undefined || env["WATCHDOG_PID"] === String(ports.pid);
  if (!(limitMs > 0) || !forUs) return () => {};
  let looking = false;
  let starved = false;
  const look = async () => {
    // A look that hangs is the answer: the disk takes nothing.
    if (looking) return;
    looking = true;
    const why = await ports.spoolFault();
    looking = false;
    if (why === undefined) ports.notify("WATCHDOG=1");
    else if (!starved) log.error("no receipt can be written: the watchdog is not fed", { why });
    starved = why !== undefined;
  };
  void look();
  // Within what a timer takes, and never so often that the looks are all that is done.
  const ms = Math.min(Math.max(limitMs / 3, limits.watchdogLeastMs), limits.watchdogMostMs);
  return every(clock, ms, () => void look());
}

function every(clock: Clock, ms: number, run: () => void): () => void {
  let cancel = () => {};
  const next = () => {
    cancel = clock.after(ms, () => {
      run();
      next();
    });
  };
  next();
  return () => cancel();
}

function statusLine(parts: Parts): string {
  const states = parts.servers.all.map(({ upstream }) => upstream.status().state);
  const wanted = states.filter((state) => state !== "disabled");
  const ready = wanted.filter((state) => state === "ready").length;
  const inFlight = parts.calls.board.inFlight.size;
  const reload = parts.reload.fault === null ? "" : ", config or policy do not load";
  const store = parts.audit.status().store.ok ? "" : ", receipts wait for the store";
  return `${ready}/${wanted.length} servers ready, ${inFlight} in flight${store}${reload}`;
}

/**
 * Writes and syncs one block of a file that is there already: that needs no space, so a full disk
 * is no fault here. It ends by itself when there is room again, and a restart would not help.
 */
export async function spoolFault(
  folder: string,
  broken: () => string | undefined,
): Promise<string | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(join(folder, "alive"), constants.O_CREAT | constants.O_RDWR, 0o600);
    await file.write(`${Date.now()}\n`, 0);
    await file.datasync();
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? String(thrown);
    if (code !== "ENOSPC" && code !== "EDQUOT") return code;
  } finally {
    await file?.close();
  }
  const why = broken();
  return why === undefined || (await isFull(folder)) ? undefined : why;
}

async function isFull(folder: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize < 2 * limits.spoolSegmentBytes;
  } catch {
    // What cannot be asked is not full: the fault stays one.
    return false;
  }
}
