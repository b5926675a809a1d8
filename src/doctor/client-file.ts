/** An agent's own config: which client's it is, its entries, and what is wrong with their form. */

import { readFileSync, statSync } from "node:fs";
import { isObject, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { parseLooseJson } from "../base/loose-json.ts";

export interface ClientFile {
  readonly client: Client;
  readonly entries: readonly Entry[];
}

export type Client = "Claude Desktop" | "Claude Code" | "Cursor" | "VS Code" | "another client";

export interface Entry {
  readonly name: string;
  /** `http://…`; undefined: it starts a program. */
  readonly url: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  /** What the client gives the program beside its own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** As written; undefined where it was not. */
  readonly type: string | undefined;
}

/** Throws an Error with why it cannot be read. `cwd`: whose project of ~/.claude.json counts. */
export function readClientFile(file: string, cwd: string): ClientFile {
  const info = statSync(file);
  // Reading a pipe would wait for who writes into it.
  if (!info.isFile()) throw new Error("it is no regular file");
  if (info.size > limits.configBytes * 16) throw new Error("the file is too large");
  const tree = parseLooseJson(readFileSync(file, "utf8"));
  if (!isObject(tree)) throw new Error("it holds no JSON object");
  const client = clientOf(file, tree);
  const places = [tree, projectOf(tree, cwd)].flatMap((place) => {
    const servers = place && (member(place, "mcpServers") ?? member(place, "servers"));
    return isObject(servers) ? [servers] : [];
  });
  if (places.length === 0) {
    const key = client === "VS Code" ? "servers" : "mcpServers";
    throw new Error(`it has no "${key}"`);
  }
  const entries = places.flatMap((servers) =>
    Object.entries(servers).flatMap(([name, value]) =>
      isObject(value) ? [entryOf(name, value)] : [],
    ),
  );
  return { client, entries };
}

function clientOf(file: string, tree: JsonObject): Client {
  if (file.endsWith("claude_desktop_config.json")) return "Claude Desktop";
  if (file.endsWith(".claude.json") || file.endsWith(".mcp.json")) return "Claude Code";
  if (file.includes(".cursor/")) return "Cursor";
  if (file.includes(".vscode/") || file.includes("Code/User/")) return "VS Code";
  return member(tree, "servers") === undefined ? "another client" : "VS Code";
}

/** Claude Code keeps servers of each project in one file. */
function projectOf(tree: JsonObject, cwd: string): JsonObject | undefined {
  const projects = member(tree, "projects");
  const own = isObject(projects) ? member(projects, cwd) : undefined;
  return isObject(own) ? own : undefined;
}

function entryOf(name: string, value: JsonObject): Entry {
  const text = (key: string) => {
    const found = member(value, key);
    return typeof found === "string" ? found : undefined;
  };
  const args = member(value, "args");
  const words = Array.isArray(args) ? args.filter((word) => typeof word === "string") : [];
  const command = text("command");
  // Windsurf says serverUrl, Gemini httpUrl.
  const url = text("url") ?? text("serverUrl") ?? text("httpUrl");
  const headers = member(value, "headers");
  const env = member(value, "env");
  return {
    name,
    url,
    headers: isObject(headers) ? texts(headers) : {},
    env: isObject(env) ? texts(env) : {},
    command: command === undefined ? [] : [command, ...words],
    type: text("type"),
  };
}

function texts(object: JsonObject): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(object)) {
    if (typeof value === "string") found[name] = value;
  }
  return found;
}
