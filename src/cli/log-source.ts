/** Where the gateway's log is: systemd's journal, the file of its stderr, or what --file names. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fault, type GatewayError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { Config } from "../gateway/config-model.ts";
import { needOpen } from "../gateway/data-dir.ts";
import { logFile, stderrOf } from "../gateway/log-file.ts";
import { isOwned, readOwner } from "../gateway/owner.ts";
import type { Invocation } from "./command.ts";
import { readLogFile } from "./log-file-reader.ts";
import { needReach } from "./reach.ts";
import { type Unit, unitFile, unitName, unitOfCgroup } from "./service-unit.ts";

export interface LogSource {
  /** undefined once: what was there is over, what follows is new. */
  readonly lines: AsyncIterable<string | undefined>;
  close(): void;
}

/** `count`: how many of the last lines are enough. Throws GW_LOG when there is none to read. */
export async function openLog(
  call: Invocation,
  follow: boolean,
  count: number,
): Promise<LogSource> {
  const file = call.options.text("file");
  if (file === "-") return { lines: createInterface({ input: process.stdin }), close() {} };
  if (file !== undefined) return openFile(call, path.resolve(call.io.cwd, file), follow);
  const config = await needReach(call);
  const unit = runningUnit(config);
  const own = logFile(config.dataDir);
  if (unit !== undefined) return openJournal(call, unit, follow, count);
  needOpen(config.dataDir);
  const pid = livePid(config);
  const stderr = pid === undefined ? undefined : stderrOf(pid);
  if (stderr?.kind === "file") return openFile(call, stderr.path, follow);
  // Of an earlier run under --tui: not what a gateway says that runs now and writes elsewhere.
  if (pid !== undefined && stderr !== undefined) throw elsewhere(pid, stderr.what);
  if (existsSync(own)) return openFile(call, own, follow);
  if (pid !== undefined) throw elsewhere(pid, undefined);
  const installed = installedUnit(call);
  if (installed !== undefined) return openJournal(call, installed, follow, count);
  throw fault("GW_LOG", {
    message: "No log of this gateway is where `logs` could read it",
    cause: `it does not run, no service is installed, and there is no ${own}`,
  });
}

function livePid({ dataDir }: Config): number | undefined {
  const owner = readOwner(dataDir);
  return owner !== undefined && isOwned(dataDir) ? owner.pid : undefined;
}

function elsewhere(pid: number, what: string | undefined): GatewayError {
  const message = `Cannot read the log of the running gateway (process ${pid})`;
  if (what !== undefined) {
    return fault("GW_LOG", {
      message,
      cause: `it goes to ${what}`,
      fix:
        "look there; to have it here, start the gateway with `authensor-gw serve 2>> FILE` " +
        "or as a service (`authensor-gw service install`)",
    });
  }
  return fault("GW_LOG", {
    message,
    cause: "where its stderr goes is not to be seen from here",
    fix: `ask as the user of process ${pid}, or name the file: authensor-gw logs --file FILE`,
  });
}

/** The unit of the process that owns data_dir; /proc/PID/cgroup is readable to everyone. */
function runningUnit({ dataDir }: Config): Unit | undefined {
  const owner = readOwner(dataDir);
  if (owner === undefined || process.platform !== "linux") return undefined;
  try {
    return unitOfCgroup(readFileSync(`/proc/${owner.pid}/cgroup`, "utf8"));
  } catch {
    // It is gone: then the installed unit is the one to ask for.
    return undefined;
  }
}

function installedUnit({ io }: Invocation): Unit | undefined {
  const users = [false, true].filter((user) => existsSync(unitFile(user, io.env)));
  return users.map((user) => ({ name: unitName, user }))[0];
}

function openFile(call: Invocation, file: string, follow: boolean): LogSource {
  call.io.err(`→ ${printable(file)}`);
  const { lines, close } = readLogFile(file, follow);
  return { lines, close };
}

function openJournal(call: Invocation, unit: Unit, follow: boolean, count: number): LogSource {
  const options = [
    ...(unit.user ? ["--user"] : []),
    ...["--no-pager", "-o", "cat", "-n", String(count), "-u", unit.name],
    ...(follow ? ["-f"] : []),
  ];
  call.io.err(`→ journalctl ${options.join(" ")}`);
  const { PATH = "", HOME = "", XDG_RUNTIME_DIR = "" } = call.io.env;
  const child = spawn("journalctl", options, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH, HOME, XDG_RUNTIME_DIR },
  });
  return { lines: journalLines(child, follow), close: () => void child.kill() };
}

async function* journalLines(
  child: ChildProcess,
  follow: boolean,
): AsyncGenerator<string | undefined> {
  const ended = new Promise<Error | number | null>((resolve) => {
    child.on("error", resolve);
    child.on("exit", (code) => resolve(code));
  });
  // journalctl counts the last lines itself.
  if (follow) yield undefined;
  if (child.stdout !== null) yield* createInterface({ input: child.stdout });
  const end = await ended;
  if (end === 0 || end === null) return;
  throw fault("GW_LOG", {
    message: "Cannot read the journal",
    cause: typeof end === "number" ? `journalctl ended with ${end}` : `journalctl: ${end.message}`,
    fix: "join the group systemd-journal, or run this as root",
  });
}
