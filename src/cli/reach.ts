/**
 * A config that does not load any more must not hide the gateway that runs with an earlier one:
 * whoever is to mend it needs `status`, `servers disable` and the like most of all.
 */

import { readdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import path from "node:path";
import { adminClient } from "../admin/client.ts";
import { type GatewayStatus, paths } from "../admin/contract.ts";
import { GatewayError } from "../base/errors.ts";
import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import { buildConfig } from "../gateway/config-build.ts";
import {
  defaultSocket,
  type Environment,
  findConfig,
  realPath,
  stateHome,
} from "../gateway/config-find.ts";
import type { Config } from "../gateway/config-model.ts";
import { type ConfigProblem, describeProblem } from "../gateway/config-problem.ts";
import { readConfig } from "../gateway/config-read.ts";
import { parseSource } from "../gateway/config-yaml.ts";
import { readOwner } from "../gateway/owner.ts";
import { isSilent } from "./answering.ts";
import type { Invocation } from "./command.ts";
import { shown } from "./context.ts";
import { counted } from "./words.ts";

/**
 * The config; where it does not load and a gateway runs with an earlier state of this file, as much
 * as is known from that one, with a note. Otherwise every problem on stderr and exit 78.
 */
export async function needReach(call: Invocation, noted = true): Promise<Config> {
  const { io, options } = call;
  const where = { path: options.text("config"), env: io.env, cwd: io.cwd };
  const read = readConfig({ ...where, lenient: true });
  if (read.ok) return read.value;
  const silent: string[] = [];
  const running = await runningWith(call, silent);
  if (running === undefined) {
    const error = shown(read.error, io);
    for (const socket of silent) io.err(silentNote(socket));
    throw error;
  }
  for (const line of noted ? noteOf(read.error) : []) io.err(line);
  return running;
}

function noteOf(problems: readonly ConfigProblem[]): readonly string[] {
  const [first] = problems;
  if (first === undefined) return [];
  const more = problems.length > 1 ? ` (1 of ${counted(problems.length, "problem")})` : "";
  return [
    `note: ${printable(describeProblem(first).split("\n")[0] ?? "")}${more}`,
    "note: the gateway runs on with what it loaded before; `authensor-gw check` names all of it",
  ];
}

function silentNote(socket: string): string {
  const told = "`authensor-gw doctor` says more";
  return `note: GW_SILENT: the gateway on "${printable(socket)}" does not answer; ${told}`;
}

/**
 * What the running gateway of this config file says of itself; undefined: none answers. `silent`
 * is given the sockets where one is that does not.
 */
export async function runningWith(
  { io, options }: Invocation,
  silent: string[] = [],
): Promise<Config | undefined> {
  const file = findConfig({ path: options.text("config"), env: io.env, cwd: io.cwd });
  if (file === undefined) return undefined;
  for (const socket of new Set(candidates(file, io.env))) {
    const status = socket === "" ? undefined : await statusAt(socket, silent);
    if (status !== undefined && realPath(status.config) === realPath(file)) {
      return configOf(status, socket, file, io.env);
    }
  }
  return undefined;
}

/** What can still be read of the file, then the usual places: the gateway says if it is its own. */
function candidates(file: string, env: Environment): readonly string[] {
  const folder = path.dirname(file);
  const tree = treeOf(file, env);
  const text = (name: Json | undefined) => (typeof name === "string" ? [name] : []);
  const admin = member(tree, "admin");
  const named = text(isObject(admin) ? member(admin, "socket") : undefined);
  const dataDir = text(member(tree, "data_dir")).map((name) => path.resolve(folder, name));
  const dataDirs = [...dataDir, stateHome(env)];
  const usual = dataDirs.map((one) => defaultSocket(one, env));
  return [
    ...named.map((name) => path.resolve(folder, name)),
    ...dataDirs.map((one) => readOwner(one)?.socket ?? ""),
    ...usual,
    ...[...usual.map((socket) => path.dirname(socket)), serviceFolder].flatMap(socketsIn),
  ];
}

/** Where services put their sockets. */
export const serviceFolder = "/run/authensor-gw";

/** The parser goes on after a mistake; what it made of the file is only a hint here. */
function treeOf(file: string, env: Environment): JsonObject {
  try {
    const folder = path.dirname(file);
    const text = readFileSync(file, "utf8");
    const { tree } = parseSource(text, file, { env, folder, seen: () => undefined }).source;
    return isObject(tree) ? tree : {};
  } catch (thrown) {
    // Not there, or closed to this user.
    if (thrown instanceof Error && "code" in thrown) return {};
    throw thrown;
  }
}

export function socketsIn(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".sock"));
    return names.map((name) => path.join(folder, name));
  } catch {
    // Not there, or closed to this user: nothing can be listed.
    return [];
  }
}

async function statusAt(socket: string, silent: string[]): Promise<GatewayStatus | undefined> {
  try {
    return await adminClient({ socket, timeoutMs: limits.tuiProbeMs }).get(paths.status);
  } catch (thrown) {
    // Another user's, a dead one's, or one that hangs: nobody knows its config.
    if (!(thrown instanceof GatewayError)) throw thrown;
    if (isSilent(thrown)) silent.push(socket);
    return undefined;
  }
}

/** Defaults where the gateway does not say more: commands that ask it need no other value. */
function configOf(
  { dataDir, listen }: GatewayStatus,
  socket: string,
  file: string,
  env: Environment,
): Config {
  const seen = () => undefined;
  const { source } = parseSource("", file, { env, folder: path.dirname(file), seen });
  const usual = buildConfig({ raw: {}, source, env, problems: [], seen });
  return frontFrom(listen, { ...usual, dataDir, admin: { ...usual.admin, socket } });
}

/** The config with what the gateway says of its front door, where that is another one. */
export function frontFrom(urls: readonly string[], config: Config): Config {
  const doors = urls.flatMap((one) => URL.parse(one) ?? []).filter(isHttp);
  // So each name is asked of the gateway.
  const named = { ...config, naming: "auto" as const };
  // Of the same door the config knows the name, which is in the certificate.
  if (doors.some((door) => isDoorOf(config, door))) return named;
  const [url] = doors;
  return {
    ...named,
    listen: url && { host: hostOf(url), port: portOf(url) },
    tls: url?.protocol === "https:" ? { cert: "", key: "" } : undefined,
  };
}

function isHttp({ protocol }: URL): boolean {
  return protocol === "http:" || protocol === "https:";
}

function isDoorOf({ listen, tls }: Config, door: URL): boolean {
  if (listen === undefined || listen.port !== portOf(door)) return false;
  if ((tls !== undefined) !== (door.protocol === "https:")) return false;
  // Nobody knows the address behind a name here.
  return isIP(listen.host) === 0 || listen.host === hostOf(door);
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function portOf({ port, protocol }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? 443 : 80;
}
