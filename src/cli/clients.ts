/** MCP clients on this machine and the servers in their configs. Reads, never writes. */

import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { isObject, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Io } from "./print.ts";

export interface Client {
  readonly name: string;
  readonly file: string;
  readonly servers: number;
}

/** Name, base folder, path below it, key of the servers. */
const places: readonly (readonly [name: string, below: "home" | "cwd" | "config", file: string])[] =
  [
    ["Claude Code", "home", ".claude.json"],
    ["Claude Code, this project", "cwd", ".mcp.json"],
    ["Claude Desktop", "config", "Claude/claude_desktop_config.json"],
    ["Cursor", "home", ".cursor/mcp.json"],
    ["Cursor, this project", "cwd", ".cursor/mcp.json"],
    ["VS Code, this project", "cwd", ".vscode/mcp.json"],
    ["VS Code", "config", "Code/User/mcp.json"],
    ["Windsurf", "home", ".codeium/windsurf/mcp_config.json"],
    ["Gemini CLI", "home", ".gemini/settings.json"],
    ["LM Studio", "home", ".lmstudio/mcp.json"],
  ];

export function findClients(io: Io): readonly Client[] {
  const home = io.env["HOME"] ?? "";
  const bases = {
    home,
    cwd: io.cwd,
    config: io.env["XDG_CONFIG_HOME"] || path.join(home, ".config"),
  };
  return places.flatMap(([name, below, file]) => {
    if (bases[below] === "" || (below !== "cwd" && home === "")) return [];
    const full = path.join(bases[below], file);
    const servers = readServers(full);
    return servers === undefined
      ? []
      : [{ name, file: full, servers: Object.keys(servers).length }];
  });
}

/** The servers of a client config; undefined: not there, or not one. */
export function readServers(file: string): JsonObject | undefined {
  let tree: unknown;
  try {
    const info = statSync(file);
    // Reading a pipe would wait for who writes into it.
    if (!info.isFile() || info.size > limits.configBytes * 16) return undefined;
    tree = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined; // not there, not ours to read, or no JSON: no client config either way
  }
  if (!isObject(tree)) return undefined;
  const servers = member(tree, "mcpServers") ?? member(tree, "servers");
  return isObject(servers) ? servers : undefined;
}
