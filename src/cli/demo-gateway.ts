/** One gateway of the demo: a child process of this program, with a folder of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fault } from "../base/errors.ts";
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
}

/** Writes config and policy; keeps what is there, so that `npm start` can be run again. */
export function demoFolder(path: string, port: number): DemoFolder {
  mkdirSync(path, { recursive: true, mode: 0o700 });
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
    "    tools: { slow_report: { timeout: { max: 1s } } }",
  ];
  writeFileSync(config, `${lines.join("\n")}\n`, { mode: 0o600 });
  writeFileSync(join(path, "policy.yaml"), demoPolicy, { mode: 0o600 });
  return { path, config, log: join(path, "gateway.log") };
}

export const demoPolicy = `id: demo
allow: [notes/read_note, notes/write_note, notes/slow_report, notes/flaky]
rules:
  - id: notes-are-kept
    effect: deny
    tools: ["*/delete_*"]
    hint: "notes are never deleted: write_note with body (archived) instead"
`;

/** Starts `serve` and waits until /health answers. Throws GW_NOT_RUNNING with the log. */
export async function startGateway(folder: DemoFolder): Promise<DemoGateway> {
  const [command, ...args] = [...selfCommand(), "serve", "--config", folder.config];
  const log = openSync(folder.log, "a", 0o600);
  const child = spawn(command ?? process.execPath, args, {
    cwd: folder.path,
    stdio: ["ignore", "ignore", log],
  });
  closeSync(log);
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const port = await portOf(folder, child).catch((thrown: unknown) => {
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
async function portOf(folder: DemoFolder, child: ChildProcess): Promise<number> {
  const until = performance.now() + 15_000;
  while (performance.now() < until && child.exitCode === null) {
    for (const line of readFileSync(folder.log, "utf8").split("\n").reverse()) {
      const port = portIn(line, child.pid ?? 0);
      if (port !== undefined && (await answers(port))) return port;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const tail = readFileSync(folder.log, "utf8").trim().split("\n").slice(-3).join("\n");
  throw fault("GW_NOT_RUNNING", {
    message: "Cannot start the gateway of the demo",
    cause: `its log ends with\n${tail}\n`,
    fix: `read ${folder.log}`,
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
