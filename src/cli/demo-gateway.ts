/** One gateway of the demo: a child process of this program, with a folder of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fault, type GatewayError } from "../base/errors.ts";
import { logFile } from "../gateway/log-file.ts";
import { readOwner } from "../gateway/owner.ts";
import { selfCommand } from "../runtime/self.ts";

export interface DemoGateway {
  /** `http://localhost:PORT`. */
  readonly url: string;
  readonly pid: number;
  kill(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  readonly ended: Promise<number | null>;
}

export interface DemoFolder {
  readonly path: string;
  readonly config: string;
  readonly log: string;
  /** As asked for; 0 is any. */
  readonly port: number;
}

/** Writes config and policy; keeps what is there, so that `npm start` can be run again. */
export function demoFolder(path: string, port: number): DemoFolder {
  const dataDir = join(path, "data");
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const config = join(path, "authensor-gw.yaml");
  const notes = JSON.stringify([...selfCommand(), "notes-server"]);
  const deleted = JSON.stringify(join(path, "deleted.txt"));
  const lines = [
    `listen: localhost:${port}`,
    "data_dir: data",
    "admin: { socket: admin.sock }",
    "policy: policy.yaml",
    "servers:",
    "  notes:",
    `    command: ${notes}`,
    `    env: { NOTES_DELETED: ${deleted} }`,
    "    tools: { slow_report: { timeout: { max: 1s } }, read_note: { idempotent: true } }",
  ];
  writeFileSync(config, `${lines.join("\n")}\n`, { mode: 0o600 });
  writeFileSync(join(path, "policy.yaml"), demoPolicy, { mode: 0o600 });
  return { path, config, log: logFile(dataDir), port };
}

export const demoPolicy = `id: demo
allow: [notes/read_note, notes/write_note, notes/slow_report, notes/flaky]
rules:
  - id: notes-are-kept
    effect: deny
    tools: ["*/delete_*"]
    hint: "notes are never deleted: write_note with body (archived) instead"
`;

/** Gateways of this process that were started and not seen to end. */
const running = new Map<ChildProcess, Promise<unknown>>();
let over = false;

/** Ends all of them at once; a step that was cut off can start no more. */
export function endGateways(): Promise<void> {
  return signalAll("SIGKILL");
}

/** Lets them end in order: calls in flight may end, the chain is closed. */
export function stopGateways(): Promise<void> {
  return signalAll("SIGTERM");
}

async function signalAll(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  over = true;
  for (const child of running.keys()) child.kill(signal);
  await Promise.all(running.values());
}

/** Starts `serve`, waits until /health answers. Throws what stopped the start. */
export async function startGateway(folder: DemoFolder): Promise<DemoGateway> {
  if (over) throw fault("GW_NOT_RUNNING", { message: "The demo was ended" });
  const [command, ...args] = [...selfCommand(), "serve", "--config", folder.config];
  const log = openSync(folder.log, "a", 0o600);
  const child = spawn(command ?? process.execPath, args, {
    cwd: folder.path,
    stdio: ["ignore", "ignore", log],
  });
  // What stands there before is of other runs.
  const logFrom = fstatSync(log).size;
  closeSync(log);
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  running.set(child, ended);
  void ended.then(() => running.delete(child));
  const port = await portOf(folder, child, logFrom).catch((thrown: unknown) => {
    child.kill("SIGKILL");
    throw thrown;
  });
  return {
    url: `http://localhost:${port}`,
    pid: child.pid ?? 0,
    ended,
    async kill(signal) {
      child.kill(signal);
      await ended;
    },
  };
}

/** The log line `gateway is up` names the address; port 0 is chosen by the system. */
async function portOf(folder: DemoFolder, child: ChildProcess, logFrom: number): Promise<number> {
  const until = performance.now() + 15_000;
  while (performance.now() < until && child.exitCode === null) {
    for (const line of logOf(folder, logFrom).split("\n").reverse()) {
      const port = portIn(line, child.pid ?? 0);
      if (port !== undefined && (await answers(port))) return port;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw startFault(folder, child.pid ?? 0, logFrom);
}

function logOf(folder: DemoFolder, from: number): string {
  return readFileSync(folder.log).subarray(from).toString("utf8");
}

/** What stopped the start, in words that fit a demo. */
function startFault(folder: DemoFolder, pid: number, logFrom: number): GatewayError {
  const tail = logOf(folder, logFrom).trim().split("\n").slice(-4).join("\n");
  const message = "Cannot start the gateway of the demo";
  if (tail.includes("GW_PORT_TAKEN")) {
    const cause = `another program listens on port ${folder.port}`;
    return fault("GW_PORT_TAKEN", {
      message,
      cause,
      fix: "`authensor-gw demo --stay --port 3101`",
    });
  }
  if (tail.includes("GW_OWNED")) {
    return alreadyRuns(folder.path);
  }
  const cause = `process ${pid} wrote at its end\n${tail}\n`;
  return fault("GW_NOT_RUNNING", { message, cause, fix: `read ${folder.log}` });
}

/** One demo a folder: the second is told of the first. */
export function alreadyRuns(path: string): GatewayError {
  const pid = readOwner(join(path, "data"))?.pid;
  const named = pid === undefined ? "" : `process ${pid}, `;
  const end = pid === undefined ? "" : `, or with \`kill ${pid}\``;
  return fault("GW_OWNED", {
    message: "The demo already runs",
    cause: `${named}its folder is ${path}`,
    fix: `use the one that runs, or end it with ctrl-c where it was started${end}`,
  });
}

function portIn(line: string, pid: number): number | undefined {
  if (!line.includes('"gateway is up"')) return undefined;
  const entry: { pid?: number; listen?: string[] } = JSON.parse(line);
  const url = entry.listen?.find((door) => door.startsWith("http"));
  return entry.pid === pid && url !== undefined ? Number(new URL(url).port) : undefined;
}

async function answers(port: number): Promise<boolean> {
  const health = await fetch(`http://localhost:${port}/health`).catch(() => undefined);
  return health?.ok === true;
}
