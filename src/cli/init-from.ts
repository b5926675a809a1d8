/** `init --from`: a client's servers, and whether a config of them would be sound. */

import path from "node:path";
import { stringify } from "yaml";
import { fault } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { plainJson } from "../base/loose-json.ts";
import { printable } from "../base/printable.ts";
import type { ConfigProblem } from "../gateway/config-problem.ts";
import { loadConfig, readConfig } from "../gateway/config-read.ts";
import { serverId } from "../gateway/config-servers.ts";
import type { ConfigSource } from "../gateway/config-source.ts";
import { sourceOfText } from "../gateway/config-yaml.ts";
import { type ClientServers, readServers } from "./clients.ts";
import type { Invocation } from "./command.ts";
import { shown } from "./context.ts";
import type { Io } from "./print.ts";
import { takenOver } from "./taken-over.ts";

/** undefined: none is named. */
export function fromOption({ options, io }: Invocation): ClientServers | undefined {
  const from = options.text("from");
  if (from === undefined) return undefined;
  const file = path.resolve(io.cwd, from);
  try {
    return readServers(file, io.cwd);
  } catch (thrown) {
    const message = `Cannot take servers over from "${from}"`;
    throw fault("GW_USAGE", { message, cause: whyNot(thrown, file), fix: fixOf(thrown) });
  }
}

/** The file's own trouble comes first: what it should hold is no news to who mistyped its name. */
function whyNot(thrown: unknown, file: string): string {
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") return `there is no file ${file}`;
  if (code !== undefined) return `${file} cannot be read (${code})`;
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function fixOf(thrown: unknown): string {
  const isText = thrown instanceof Error && thrown.message.startsWith("it is no JSON at");
  return isText ? "correct it there" : "name a JSON file with mcpServers";
}

/**
 * The servers for a new config. What is wrong with them is told where the client's file has it,
 * before anything is written. A secret that is not there yet is put there later.
 */
export function needServers(from: ClientServers, config: string, io: Io): JsonObject {
  const servers = takenOver(from.servers, io.out);
  const group = from.places[0]?.at(-1) ?? "servers";
  const text = stringify({ [group]: servers });
  const read = loadConfig({ path: config, text, env: io.env, cwd: io.cwd });
  const problems = (read.ok ? [] : read.error).filter(
    ({ code, key = group }) =>
      code !== "GW_VARIABLE" && code !== "GW_SECRET_MODE" && key.startsWith(group),
  );
  if (problems.length === 0) return servers;
  const made = sourceOfText(text, config);
  const given = sourceOfText(plainJson(from.text), from.file);
  const error = shown(
    problems.map((problem) => ({ ...problem, ...placeIn(given, made, problem, from) })),
    io,
  );
  io.err("Nothing was written: correct it there or in a copy, and run init --from again.");
  throw error;
}

/** Where the client's file has what a problem of the config made of it is about. */
function placeIn(
  given: ConfigSource,
  made: ConfigSource,
  problem: ConfigProblem,
  from: ClientServers,
): Pick<ConfigProblem, "file" | "line" | "column"> {
  const found = made.at(problem);
  const [, ...rest] = found?.path ?? [];
  const above = from.places.findLast((steps) => given.has([...steps, ...rest.slice(0, 1)]));
  if (found === undefined || above === undefined) return { file: from.file, line: 0, column: 0 };
  const at = [...above, ...rest];
  return { file: from.file, ...(found.isKey ? given.keyPlace(at) : given.place(at)) };
}

/** Said where a config was there already: it is never changed. Nothing where it has them all. */
export function tellLeft(from: ClientServers, config: string, io: Io): void {
  const read = readConfig({ path: config, env: io.env, cwd: io.cwd, lenient: true });
  const there = new Set(read.ok ? read.value.servers.map(({ id }) => id) : []);
  const names = Object.keys(takenOver(from.servers, () => undefined));
  const left = names.filter((name) => !there.has(serverId(name)));
  if (left.length === 0) return;
  io.out(`      not taken over from ${from.file}: ${left.map(printable).join(", ")}`);
  io.out("      put them under its servers yourself: entries can be pasted as they are;");
  io.out(`      or have another config written: init --from ${from.file} --config OTHER.yaml`);
}
