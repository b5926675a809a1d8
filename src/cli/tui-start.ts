/** `--tui` with no gateway running: `serve` as a process of its own, which outlives the screen. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import process from "node:process";
import { adminClient } from "../admin/client.ts";
import { paths } from "../admin/contract.ts";
import { type ErrorCode, fault, GatewayError } from "../base/errors.ts";
import type { Config } from "../gateway/config-model.ts";
import { markName } from "../gateway/leftovers.ts";
import { logFile } from "../gateway/log-file.ts";
import { selfCommand } from "../runtime/self.ts";
import type { Io } from "./print.ts";

export interface OwnGateway {
  readonly socket: string;
  readonly log: string;
  /** Resolves with a sentence when it has ended. */
  readonly ended: Promise<string>;
  /** Lets calls in flight end; resolves when it is gone. */
  stop(): Promise<void>;
}

const startMs = 20_000;
const pollMs = 20;

/** Throws what stopped the start, with the end of its log. */
export async function startOwnGateway(
  config: Config,
  io: Io,
  more: readonly string[] = [],
): Promise<OwnGateway> {
  const { socket } = config.admin;
  const log = logFile(config.dataDir);
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const file = openSync(log, "a", 0o600);
  const from = fstatSync(file).size;
  const [command = process.execPath, ...args] = selfCommand();
  // It serves others too, and does not end with the gateway whose server started us.
  const { [markName]: _mark, ...env } = io.env;
  const child = spawn(command, [...args, "serve", "--config", config.file, ...more], {
    cwd: io.cwd,
    env,
    // A process group of its own: ctrl-c in this terminal is not meant for it.
    detached: true,
    stdio: ["ignore", file, file],
  });
  closeSync(file);
  const ended = endOf(child, log);
  let over = false;
  void ended.then(() => (over = true));
  for (const until = performance.now() + startMs; ; await pause()) {
    if (await answers(socket)) break;
    if (over) throw startFault(log, from);
    if (performance.now() > until) {
      child.kill("SIGTERM");
      throw startFault(log, from);
    }
  }
  child.unref();
  return {
    ...{ socket, log, ended },
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pollMs));
}

function endOf(child: ChildProcess, log: string): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(`the gateway did not start: ${error.message}`));
    child.once("exit", (code, signal) => {
      resolve(`the gateway ended with ${signal ?? `exit code ${code}`}; its log is ${log}`);
    });
  });
}

async function answers(socket: string): Promise<boolean> {
  try {
    await adminClient({ socket }).get(paths.status);
    return true;
  } catch (thrown) {
    if (thrown instanceof GatewayError) return false;
    throw thrown;
  }
}

/** The last line that has a code says why; without one the last lines do. */
function startFault(log: string, from: number): GatewayError {
  const lines = readFileSync(log).subarray(from).toString("utf8").trim().split("\n");
  const message = "Cannot start the gateway";
  const told = lines.map(codeIn).findLast((one) => one !== undefined);
  const cause = `it wrote at its end\n${lines.slice(-6).join("\n")}\n`;
  return fault(told ?? "GW_NOT_RUNNING", { message, cause, fix: `read ${log}` });
}

function codeIn(line: string): ErrorCode | undefined {
  return /\bGW_[A-Z_]+\b/.exec(line)?.[0] as ErrorCode | undefined;
}
