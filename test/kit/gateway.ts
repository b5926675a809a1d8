/** A real gateway in a process and a folder of its own. */

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { binaryPath, root } from "./binary.ts";
import { startChild, type TestChild } from "./child.ts";
import { freePort } from "./free-port.ts";

export type Program = "binary" | "bun" | "deno";

export interface GatewayOptions {
  /**
   * Config as in authensor-gw.yaml, as an object or as text. Left out: listen (a free port),
   * data_dir (`data`), admin.socket. Relative paths mean the gateway's folder.
   */
  readonly config: Readonly<Record<string, unknown>> | string;
  /** Text of a native policy; written to policy.yaml and named in the config. */
  readonly policy?: string;
  /** Default: the compiled binary. */
  readonly program?: Program;
  readonly env?: Readonly<Record<string, string>>;
  /** The whole command in place of `program`, without arguments of its own. */
  readonly command?: readonly string[];
  /** Put before the command of `serve`, such as `taskset -c 1`. */
  readonly wrap?: readonly string[];
  /** Extra arguments of `serve`. */
  readonly args?: readonly string[];
  /** That of another gateway on the same store: none is made. */
  readonly adminToken?: string;
  /** Resolve when the process runs, not when /health answers: for starts that must fail. */
  readonly expectFailure?: boolean;
}

export interface TestGateway {
  /** `http://127.0.0.1:PORT`; MCP is at `${url}/mcp`. */
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly config: string;
  /** Token of an admin key, made before the start; "" with auth: none. */
  readonly adminToken: string;
  /** The present process; changes with restart(). */
  child(): TestChild;
  stderr(): string;
  /** Makes a key through the CLI and gives its token. */
  key(role: string, name?: string): Promise<string>;
  /** Runs a command of the CLI with this gateway's config; never throws for its exit code. */
  cli(...args: readonly string[]): Promise<CliResult>;
  stop(): Promise<number | null>;
  kill9(): Promise<void>;
  /** Starts again in the same folder after stop or kill9. */
  restart(): Promise<void>;
  /** Stops it and removes the folder. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function startGateway(options: GatewayOptions): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), "gw-"));
  const made = writeConfig(folder, options, await freePort());
  const config = join(folder, "authensor-gw.yaml");
  const command = options.command ?? (await programCommand(options.program ?? "binary"));
  const env = { ...cleanEnvironment(folder), ...options.env };
  const cli = (...args: readonly string[]) => runCli([...command, ...args], config, folder, env);
  const adminToken =
    options.adminToken ?? (made.keys ? await createKey(cli, "admin", "test-admin") : "");
  const wrap = options.wrap ?? [];
  const serve = [...wrap, ...command, "serve", "--config", config, ...(options.args ?? [])];
  const url = `http://127.0.0.1:${made.port}`;
  let child = startChild(serve, { cwd: folder, env });
  let keys = 0;
  if (options.expectFailure !== true) await healthy(child, url);
  const asAdmin = (...args: readonly string[]) =>
    runCli([...command, ...args], config, folder, { ...env, AUTHENSOR_GW_KEY: adminToken });
  return {
    url,
    port: made.port,
    folder,
    config,
    adminToken,
    child: () => child,
    stderr: () => child.stderr(),
    key: (role, name) => createKey(asAdmin, role, name ?? `${role}-${++keys}`),
    cli: asAdmin,
    stop: () => child.stop(),
    kill9: () => child.kill9(),
    async restart() {
      child = startChild(serve, { cwd: folder, env });
      await healthy(child, url);
    },
    async [Symbol.asyncDispose]() {
      await child.stop(5_000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The command line of the gateway as this program, without a command. */
export async function programCommand(program: Program): Promise<readonly string[]> {
  if (program === "binary") return [await binaryPath()];
  const main = join(root, "src/main.ts");
  if (program === "bun") return [process.execPath, main];
  return [denoPath(), "run", "-A", main];
}

/** The package's own start script would be a Node process that never passes a signal on. */
export function denoPath(): string {
  const folder = dirname(createRequire(import.meta.url).resolve("deno/package.json"));
  const linked = join(folder, "deno");
  if (existsSync(linked)) return linked;
  // Where npm ran no install script, the program is still in its platform's package.
  const scope = join(folder, "../@deno");
  const found = readdirSync(scope).map((name) => join(scope, name, "deno"));
  return found.find((path) => existsSync(path)) ?? linked;
}

/** Waits for /health; throws with stderr when the gateway ends or is silent for 20 s. */
export async function healthy(child: TestChild, url: string): Promise<void> {
  let over = false;
  void child.ended.then(() => (over = true));
  for (const until = performance.now() + 20_000; ; await Bun.sleep(5)) {
    const answer = await fetch(`${url}/health`).catch(() => undefined); // not listening yet
    if (answer?.ok === true) return;
    if (over) throw new Error(`The gateway ended at start: ${child.stderr()}`);
    if (performance.now() > until) throw new Error(`No /health in 20 s: ${child.stderr()}`);
  }
}

function writeConfig(folder: string, options: GatewayOptions, port: number) {
  const policy = options.policy === undefined ? {} : { policy: "policy.yaml" };
  if (options.policy !== undefined) writeFileSync(join(folder, "policy.yaml"), options.policy);
  const defaults: Record<string, unknown> = {
    listen: `localhost:${port}`,
    data_dir: "data",
    admin: { socket: "admin.sock" },
    ...policy,
  };
  let text: string;
  if (typeof options.config === "string") {
    const config = options.config;
    const absent = Object.entries(defaults).filter(([key]) => !hasKey(config, key));
    const added = absent.map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`).join("");
    text = `${config.trimEnd()}\n${added}`;
  } else text = JSON.stringify({ ...defaults, ...options.config }, null, 2);
  writeFileSync(join(folder, "authensor-gw.yaml"), text, { mode: 0o600 });
  const listen = /^\s*"?listen"?:\s*"?[\w.[\]:]*?:?(\d+)"?,?\s*(#.*)?$/m.exec(text);
  const keys = !/^\s*"?auth"?:\s*"?none"?/m.test(text) && options.expectFailure !== true;
  return { port: listen === null ? port : Number(listen[1]), keys };
}

function hasKey(text: string, key: string): boolean {
  return text.split("\n").some((line) => line.startsWith(`${key}:`));
}

/** What a service has: no variable of the test's own environment may steer the gateway. */
function cleanEnvironment(folder: string): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    TMPDIR: tmpdir(),
    DENO_DIR: join(tmpdir(), "authensor-gw-deno"),
    NO_COLOR: "1",
  };
}

type Cli = (...args: readonly string[]) => Promise<CliResult>;

async function createKey(cli: Cli, role: string, name: string): Promise<string> {
  const made = await cli("keys", "create", "--role", role, "--name", name, "--json");
  if (made.code !== 0) throw new Error(`Cannot make a key: ${made.stderr}${made.stdout}`);
  return (JSON.parse(made.stdout) as { token: string }).token;
}

async function runCli(
  command: readonly string[],
  config: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<CliResult> {
  const child = startChild([...command, "--config", config], { cwd, env });
  const timer = setTimeout(() => child.process.kill("SIGKILL"), 30_000);
  const code = await child.ended;
  clearTimeout(timer);
  await closed(child);
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

/** "exit" comes before the last output was read. */
async function closed(child: TestChild): Promise<void> {
  const { stdout, stderr } = child.process;
  for (let tries = 0; tries < 200; tries++) {
    if (stdout?.readableEnded !== false && stderr?.readableEnded !== false) return;
    await Bun.sleep(5);
  }
}
