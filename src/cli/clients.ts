/** MCP clients on this machine and the servers in their configs. Reads, never writes. */

import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { isObject, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { parseLooseJson } from "../base/loose-json.ts";
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
    try {
      const { servers } = readServers(full, io.cwd);
      return [{ name, file: full, servers: Object.keys(servers).length }];
    } catch {
      return []; // not there, not ours to read, or no client config
    }
  });
}

export interface ClientServers {
  readonly file: string;
  readonly text: string;
  readonly servers: JsonObject;
  /** Where in the file they stand: `mcpServers`, and those of a project. */
  readonly places: readonly (readonly string[])[];
}

/** Throws an Error that says why there are none. `cwd`: whose project of ~/.claude.json counts. */
export function readServers(file: string, cwd: string): ClientServers {
  const info = statSync(file);
  // Reading a pipe would wait for who writes into it.
  if (!info.isFile()) throw new Error(`${file} is no file`);
  if (info.size > limits.configBytes * 16) throw new Error("it is too large for a client config");
  const text = readFileSync(file, "utf8");
  const tree = parseLooseJson(text);
  const found = [[], ["projects", cwd]].flatMap((above) => {
    const holder = above.reduce<unknown>(
      (node, step) => (isObject(node) ? member(node, step) : undefined),
      tree,
    );
    const key = ["mcpServers", "servers"].find((one) => isObject(holder) && isObject(holder[one]));
    const servers = isObject(holder) && key !== undefined ? holder[key] : undefined;
    return isObject(servers) ? [{ path: [...above, key ?? ""], servers }] : [];
  });
  if (found.length === 0) throw new Error('it is no client config: it has no "mcpServers"');
  // Not assigned: one called __proto__ would be lost.
  const servers: JsonObject = Object.fromEntries(
    found.flatMap((one) => Object.entries(one.servers)),
  );
  return { file, text, servers, places: found.map(({ path: steps }) => steps) };
}
