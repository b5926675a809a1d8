/** Server entries: those of client configs (`mcpServers`) paste verbatim, ours may say more. */

import path from "node:path";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import type { SizeLimit } from "../base/units.ts";
import { markName } from "../upstream/marked.ts";
import type { Build } from "./config-build.ts";
import type { ServerConfig, TimeoutConfig } from "./config-model.ts";
import { type ConfigPath, pathText } from "./config-problem.ts";
import type { RawConfig, RawServer } from "./config-schema.ts";

export function readServers(build: Build, raw: RawConfig): readonly ServerConfig[] {
  if (raw.servers !== undefined && raw.mcpServers !== undefined) {
    build.problem(
      ["mcpServers"],
      '"mcpServers" is another word for "servers", and both are there',
      'write all servers under "servers"',
    );
  }
  const taken = new Map<string, string>();
  const found: ServerConfig[] = [];
  for (const group of ["servers", "mcpServers"] as const) {
    for (const [name, server] of Object.entries(raw[group] ?? {})) {
      const at = [group, name];
      const id = readId(build, name, at, taken);
      if (server !== undefined) found.push(readServer(build, id, server, at));
    }
  }
  return found;
}

function readId(build: Build, name: string, at: ConfigPath, taken: Map<string, string>): string {
  const id = serverId(name);
  const place = build.source.keyPlace(at);
  const other = taken.get(id);
  if (id === "" || id.length > limits.serverNameChars) {
    build.problem(
      at,
      `The server "${printable(name)}" needs a name of 1 to ${limits.serverNameChars} characters`,
      "give it a shorter name of letters, digits and -",
    );
  } else if (other !== undefined) {
    build.problem(
      at,
      `The servers "${printable(other)}" and "${printable(name)}" both become "${id}"`,
      "rename one of them",
    );
  } else if (id !== name) {
    build.note(place.line, `the server "${printable(name)}" is called "${id}" here`);
  }
  taken.set(id, name);
  return id;
}

/** What a name in the file becomes. */
export function serverId(name: string): string {
  return [...name.toLowerCase()].map((letter) => (isIdLetter(letter) ? letter : "-")).join("");
}

function isIdLetter(letter: string): boolean {
  return (letter >= "a" && letter <= "z") || (letter >= "0" && letter <= "9") || letter === "-";
}

function readServer(build: Build, id: string, raw: RawServer, at: ConfigPath): ServerConfig {
  for (const ignored of ["autoApprove", "alwaysAllow"] as const) {
    if (raw[ignored] === undefined) continue;
    const { line } = build.source.keyPlace([...at, ignored]);
    build.note(line, `"${ignored}" of "${id}" is ignored: the policy decides`);
  }
  const timeout = readTimeout(build, raw.timeout, [...at, "timeout"], undefined);
  const maxArgs = sizeLimit(raw.max_args, [...at, "max_args"]);
  const tools = Object.entries(raw.tools ?? {}).map(([tool, rules]) => {
    const place = [...at, "tools", tool, "timeout"];
    const own = readTimeout(build, rules?.timeout, place, timeout);
    const idempotent = rules?.idempotent ?? false;
    const args = sizeLimit(rules?.max_args, [...at, "tools", tool, "max_args"]) ?? maxArgs;
    return [tool, { timeout: own, idempotent, maxArgs: args }] as const;
  });
  return {
    id,
    transport: readTransport(build, raw, at),
    enabled: raw.disabled !== true,
    required: raw.required ?? false,
    protocol: raw.protocol ?? "auto",
    maxInFlight: raw.max_in_flight ?? limits.inFlightPerServer,
    maxQueued: raw.max_queued ?? limits.queuedPerServer,
    maxArgs,
    maxResult: sizeLimit(raw.max_result, [...at, "max_result"]),
    breaker: readBreaker(build, raw.breaker, [...at, "breaker"]),
    healthMs: raw.health === "off" ? undefined : (raw.health ?? limits.healthMs),
    instance: raw.instance ?? "shared",
    lists: {
      freshnessMs: raw.freshness ?? limits.freshnessMs,
      maxStaleMs: raw.max_stale ?? limits.maxStaleMs,
    },
    timeout,
    tools: Object.fromEntries(tools),
  };
}

function sizeLimit(bytes: number | undefined, at: ConfigPath): SizeLimit | undefined {
  return bytes === undefined ? undefined : { bytes, setting: pathText(at) };
}

function readBreaker(
  build: Build,
  raw: RawServer["breaker"],
  at: ConfigPath,
): ServerConfig["breaker"] {
  if (raw === "off") return undefined;
  const of = raw?.of ?? limits.breakerOf;
  const failures = raw?.failures ?? Math.min(limits.breakerFailures, of);
  if (failures > of) {
    build.problem(
      at,
      `"${pathText(at)}" needs ${failures} failures of ${of} calls`,
      "make `of` the larger one",
    );
  }
  return { failures, of, openMs: raw?.open ?? limits.breakerOpenMs };
}

/** A tool's own values, then the server's, then the default. */
function readTimeout(
  build: Build,
  raw: RawServer["timeout"],
  at: ConfigPath,
  above: TimeoutConfig | undefined,
): TimeoutConfig {
  const own = typeof raw === "number" ? { idle: raw, max: undefined } : raw;
  const idleMs = own?.idle ?? above?.idleMs ?? limits.idleTimeoutMs;
  let maxMs = own?.max ?? above?.maxMs ?? limits.maxTimeoutMs;
  if (own?.max === undefined && idleMs > maxMs) maxMs = idleMs;
  if (own?.idle !== undefined && own.max !== undefined && own.idle > own.max) {
    build.problem(
      at,
      `"${pathText(at)}" has an idle time that is longer than its max`,
      "make max the longer one",
    );
  }
  const setting = raw === undefined && above !== undefined ? above.setting : pathText(at);
  return { idleMs: Math.min(idleMs, maxMs), maxMs, setting };
}

function readTransport(build: Build, raw: RawServer, at: ConfigPath): ServerConfig["transport"] {
  // A key whose value had a wrong form is in the file but not here: that problem is told already.
  const hasCommand = build.source.has([...at, "command"]);
  const hasUrl = build.source.has([...at, "url"]);
  const name = pathText(at);
  if (hasCommand === hasUrl) {
    const message = hasCommand
      ? `"${name}" has a command and a url, and can be only one of them`
      : `"${name}" has neither a command nor a url`;
    build.problem(at, message, "write command: PROGRAM for a local server, url: for a remote one");
  }
  const isLocal = hasCommand;
  for (const key of ["type", "transport"] as const) {
    const word = raw[key];
    if (word === undefined || hasCommand === hasUrl) continue;
    if ((word === "stdio" || word === "local") === isLocal) continue;
    build.problem(
      [...at, key],
      `"${name}.${key}" is "${word}", which does not go with "${isLocal ? "command" : "url"}"`,
      `remove "${key}"`,
    );
  }
  refuseOthers(
    build,
    at,
    isLocal ? ["url", "headers", "tls", "allow_link_local", "proxy"] : ["args", "env", "cwd"],
    isLocal,
  );
  return isLocal ? readCommand(build, raw, at) : readAddress(build, raw, at);
}

/** A key of the other transport does nothing, which its writer would not expect. */
function refuseOthers(
  build: Build,
  at: ConfigPath,
  keys: readonly string[],
  isLocal: boolean,
): void {
  const kind = isLocal ? "command" : "url";
  if (!build.source.has([...at, kind])) return;
  for (const key of keys) {
    if (key === "url" || !build.source.has([...at, key])) continue;
    build.problem(
      [...at, key],
      `"${pathText([...at, key])}" does not go with "${kind}"`,
      `remove "${key}"`,
    );
  }
}

function readCommand(build: Build, raw: RawServer, at: ConfigPath): ServerConfig["transport"] {
  const { source } = build;
  const textsAt = (list: readonly unknown[] | undefined, key: string) =>
    (list ?? []).map((_, index) => source.text([...at, key, index]) ?? "");
  const args = textsAt(raw.args, "args");
  let command: readonly string[];
  if (Array.isArray(raw.command)) {
    command = textsAt(raw.command, "command");
    if (raw.args !== undefined) {
      build.problem(
        [...at, "args"],
        `"${pathText(at)}" has a command list and args`,
        "write all arguments in one of them",
      );
    }
  } else {
    const program = typeof raw.command === "string" ? raw.command : "";
    command = [program, ...args];
    if (raw.command !== undefined) checkProgram(build, program, raw.args !== undefined, at);
  }
  if (raw.command !== undefined && (command[0] ?? "") === "") {
    build.problem(
      [...at, "command"],
      `"${pathText(at)}.command" names no program`,
      "write command: PROGRAM",
    );
  }
  // execve ends an argument at NUL: what runs would not be what is written (U5).
  if (command.some((word) => word.includes("\0"))) {
    build.problem(
      [...at, "command"],
      `"${pathText(at)}" has a NUL character in its command`,
      "remove it",
    );
  }
  const env = readEnv(build, raw, at);
  const cwd = raw.cwd === undefined ? undefined : resolveFrom(build.folder, raw.cwd);
  return { kind: "stdio", command: programFirst(command, build.folder, cwd), cwd, env: { ...env } };
}

/** A path like any of the config: relative to it. With a cwd the system takes it from there. */
function programFirst(
  command: readonly string[],
  folder: string,
  cwd: string | undefined,
): readonly string[] {
  const [program = "", ...args] = command;
  if (cwd !== undefined || !program.includes("/")) return command;
  return [resolveFrom(folder, program), ...args];
}

function readEnv(build: Build, raw: RawServer, at: ConfigPath): Record<string, string> {
  const env: Record<string, string> = Object.create(null);
  for (const key of Object.keys(raw.env ?? {})) {
    const place = [...at, "env", key];
    env[key] = build.source.text(place) ?? "";
    if (key === "" || key.includes("=") || key.includes("\0")) {
      build.problem(
        place,
        `"${printable(key)}" cannot be the name of a variable`,
        "correct the name",
      );
    } else if (key === markName) {
      build.problem(
        place,
        `"${key}" is the gateway's own: processes are found by it`,
        "remove it, or take another name",
      );
    }
  }
  return env;
}

/** No shell splits a line here: one that wants splitting is refused with what to write (U5). */
function checkProgram(build: Build, program: string, hasArgs: boolean, at: ConfigPath): void {
  const words = program
    .trim()
    .split(" ")
    .filter((word) => word !== "");
  if (hasArgs || words.length < 2) return;
  const written = build.source.written([...at, "command"]) ?? "";
  const shown = written
    .trim()
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => JSON.stringify(printable(word)));
  build.problem(
    [...at, "command"],
    `"${pathText(at)}.command" is a line, and no shell takes it apart`,
    `write command: [${shown.join(", ")}]`,
  );
}

function readAddress(build: Build, raw: RawServer, at: ConfigPath): ServerConfig["transport"] {
  const place = [...at, "url"];
  const url = raw.url ?? "";
  const name = pathText(place);
  // The value is not quoted: it may hold a token.
  if (raw.url !== undefined && !/^https?:\/\//i.test(url)) {
    build.problem(
      place,
      `"${name}" must be an http:// or https:// address`,
      "write url: https://HOST/PATH",
    );
  } else if (raw.url !== undefined && !URL.canParse(url)) {
    build.problem(place, `"${name}" is not an address`, "write url: https://HOST/PATH");
  } else if (raw.url !== undefined && new URL(url).username !== "") {
    build.problem(
      place,
      `"${name}" holds a user name`,
      'write it as headers: { Authorization: "Basic ${cred:NAME}" }',
    );
  }
  const headers: Record<string, string> = {};
  for (const key of Object.keys(raw.headers ?? {})) {
    const header = build.source.text([...at, "headers", key]) ?? "";
    checkHeader(build, key, header, [...at, "headers", key]);
    headers[key] = header;
  }
  const ca = raw.tls?.ca;
  return {
    kind: "http",
    url,
    shown: shownUrl(build, place, url),
    headers,
    ca: ca === undefined ? undefined : build.fileText(ca, [...at, "tls", "ca"], false),
    allowLinkLocal: raw.allow_link_local ?? false,
    sse: raw.type === "sse" || raw.transport === "sse",
  };
}

/** T10: as it is written, so that `${…}` stays the name of a secret; a query may hold one too. */
function shownUrl(build: Build, place: ConfigPath, url: string): string {
  const hasReference = build.source.references(place).length > 0;
  const text = hasReference ? (build.source.written(place) ?? "") : url;
  return text.split("?")[0] ?? "";
}

/** Headers that the relay itself sets: two of one would be two opinions (F27). */
const ownHeaders = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "content-type",
  "accept",
  "mcp-session-id",
  "mcp-protocol-version",
  "mcp-method",
  "mcp-name",
  "last-event-id",
]);

function checkHeader(build: Build, name: string, text: string, at: ConfigPath): void {
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) {
    build.problem(at, `"${printable(name)}" cannot be the name of a header`, "correct the name");
  } else if (ownHeaders.has(name.toLowerCase())) {
    build.problem(at, `The header "${name}" is set by the gateway itself`, "remove it");
  }
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 9 || (code >= 0x20 && code <= 0x7e)) continue;
    build.problem(
      at,
      `The header "${printable(name)}" holds a character that a header cannot`,
      "remove line breaks and letters outside ASCII",
    );
    return;
  }
}

function resolveFrom(folder: string, name: string): string {
  return path.resolve(folder, name);
}
