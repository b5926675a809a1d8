/** Local servers whose program or folder is not there: no start fails for that, a server does. */

import path from "node:path";
import { isObject } from "../base/json.ts";
import { printable } from "../base/printable.ts";
import { programFault } from "../runtime/program.ts";
import type { Config, ServerConfig } from "./config-model.ts";
import { type ConfigProblem, pathText } from "./config-problem.ts";
import { serverId } from "./config-servers.ts";
import type { ConfigSource } from "./config-source.ts";

type StdioTransport = Extract<ServerConfig["transport"], { kind: "stdio" }>;

/**
 * With their place in the file. `paths`: this process' PATH, a service may have another. `wrong`:
 * keys with a problem of their own; without their values nothing is known of the server.
 */
export function checkPrograms(
  config: Config,
  source: ConfigSource,
  paths: string,
  wrong: readonly string[],
): readonly ConfigProblem[] {
  return config.servers.flatMap((server) => {
    if (!server.enabled || server.transport.kind !== "stdio") return [];
    const name = pathText(placeOf(source, server.id));
    const needed = ["", ".command", ".cwd", ".env"].map((key) => name + key);
    if (wrong.some((key) => needed.includes(key) || key.startsWith(`${name}.env.`))) return [];
    if (wrong.some((key) => key.startsWith(`${name}.command[`))) return [];
    const found = programTrouble(config, server.transport, paths);
    if (found === undefined) return [];
    const place = source.place([...placeOf(source, server.id), found.key]);
    const key = `servers.${server.id}.${found.key}`;
    const message = `The server "${server.id}" cannot be started: ${printable(found.cause)}`;
    const fix = `${printable(found.mend)}, or correct ${key}`;
    return [{ code: "GW_SERVER_COMMAND", message, file: config.file, ...place, fix, key }];
  });
}

export interface ProgramTrouble {
  readonly cause: string;
  /** What to do, outside of the config. */
  readonly mend: string;
  /** The key of the server's entry that it is about. */
  readonly key: "command" | "cwd";
}

/** Why its child could not be started; undefined: nothing stands in its way. */
export function programTrouble(
  config: Config,
  { command, cwd, env }: StdioTransport,
  paths: string,
): ProgramTrouble | undefined {
  const [program = ""] = command;
  const from = path.dirname(config.file);
  const cause = programFault(program, { cwd, from, paths: env["PATH"] ?? paths });
  if (cause === undefined) return undefined;
  if (cause.startsWith("its cwd")) return { cause, mend: `make the folder ${cwd}`, key: "cwd" };
  return { cause, mend: mendOf(program, cause), key: "command" };
}

function mendOf(program: string, cause: string): string {
  if (cause.includes("(EACCES)")) return `make ${program} executable`;
  if (cause.includes("(ENOEXEC)")) return `begin ${program} with a #! line`;
  return program.includes("/")
    ? `install ${program}`
    : `install ${program} or write its whole path`;
}

/** By the name that the file has for it: ids are lowered. */
function placeOf({ tree }: ConfigSource, id: string): readonly string[] {
  for (const group of ["servers", "mcpServers"]) {
    const names = isObject(tree) && isObject(tree[group]) ? Object.keys(tree[group]) : [];
    const name = names.find((one) => serverId(one) === id);
    if (name !== undefined) return [group, name];
  }
  return ["servers", id];
}
