/** From the servers' lists to the tools agents see: names, collisions, what is held back. */

import { createHash } from "node:crypto";
import { isObject, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { paramHeadersOf } from "../protocol/param-headers.ts";
import { renamed, toolFor } from "../protocol/translate/tools-list.ts";
import type { RawItem, Upstream } from "../upstream/upstream.ts";
import type { Tool } from "./catalog.ts";

export interface ServerTools {
  readonly server: string;
  readonly upstream: Upstream;
  readonly items: readonly RawItem[];
  timeout(tool: string): Tool["timeout"];
}

export interface Quarantined {
  readonly server: string;
  readonly name: string;
  readonly why: string;
}

export interface Built {
  /** By exposed name, in the order of config and list. */
  readonly tools: ReadonlyMap<string, Tool>;
  readonly quarantined: readonly Quarantined[];
}

export type Naming = "prefix" | "auto" | "bare";

/** Deterministic: same lists in the same order, same tools. */
export function buildTools(servers: readonly ServerTools[], naming: Naming): Built {
  const quarantined: Quarantined[] = [];
  const offered = servers.flatMap((server) => {
    const drop = (name: string, why: string) =>
      quarantined.push({ server: server.server, name, why });
    return sound(server, drop).map((item) => ({ server, ...item }));
  });
  const owners = new Map<string, number>();
  for (const { name } of offered) owners.set(name, (owners.get(name) ?? 0) + 1);

  const tools = new Map<string, Tool>();
  for (const { server, name, item } of offered) {
    const unique = owners.get(name) === 1;
    const bare = naming === "bare" || (naming === "auto" && unique);
    const exposed = bare ? name : `${server.server}__${name}`;
    const drop = (why: string) => quarantined.push({ server: server.server, name, why });
    if (exposed.length > limits.toolNameBytes) {
      drop(`its exposed name "${exposed}" is over ${limits.toolNameBytes} characters`);
      continue;
    }
    const holder = tools.get(exposed);
    // P17: the first keeps the name, whatever a second server says later.
    if (holder !== undefined) drop(`the name "${exposed}" is taken by ${holder.target}`);
    else {
      const tool = makeTool(server, name, exposed, item, drop);
      if (tool !== undefined) tools.set(exposed, tool);
    }
  }
  return { tools, quarantined };
}

interface SoundItem {
  readonly name: string;
  readonly item: RawItem;
}

/** The items of one server that may be offered at all (P14, R11, U22). */
function sound(server: ServerTools, drop: (name: string, why: string) => void): SoundItem[] {
  const seen = new Set<string>();
  const kept: SoundItem[] = [];
  for (const item of server.items) {
    const name = member(item.value, "name");
    if (typeof name !== "string" || !isToolName(name)) {
      // String() of a hostile object would throw and take the other servers' tools with it.
      const shown = typeof name === "string" ? name.slice(0, limits.toolNameBytes) : "(no string)";
      drop(shown, "its name is not 1 to 128 of A-Z a-z 0-9 _ - .");
    } else if (seen.has(name)) drop(name, "the server lists the name twice");
    else if (item.text.length > limits.toolBytes) {
      drop(name, `its definition is over ${limits.toolBytes} bytes`);
    } else if (kept.length >= limits.toolsPerServer) {
      drop(name, `the server lists more than ${limits.toolsPerServer} tools`);
    } else {
      seen.add(name);
      kept.push({ name, item });
    }
  }
  return kept;
}

function makeTool(
  server: ServerTools,
  name: string,
  exposed: string,
  item: RawItem,
  drop: (why: string) => void,
): Tool | undefined {
  const schema = member(item.value, "inputSchema");
  if (!isObject(schema)) {
    drop("it has no inputSchema object");
    return undefined;
  }
  const headers = paramHeadersOf(schema);
  if (!headers.ok) {
    drop(headers.error);
    return undefined;
  }
  const era = server.upstream.hello()?.era ?? "legacy";
  const text = renamed(item.text, item.value, exposed);
  const value = item.value;
  return {
    kind: "tool",
    exposed,
    server: server.server,
    name,
    target: `${server.server}/${name}`,
    upstream: server.upstream,
    lineFramed: server.upstream.status().transport === "stdio",
    text: {
      legacy: toolFor(text, value, "legacy", era),
      modern: toolFor(text, value, "modern", era),
    },
    definitionHash: createHash("sha256").update(item.text).digest("hex"),
    declared: declaredNames(schema),
    paramHeaders: headers.value,
    timeout: server.timeout(name),
  };
}

function declaredNames(schema: JsonObject): ReadonlySet<string> {
  const properties = member(schema, "properties");
  return new Set(isObject(properties) ? Object.keys(properties) : []);
}

function isToolName(name: string): boolean {
  if (name.length === 0 || name.length > limits.toolNameBytes) return false;
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    const letter = (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
    if (!letter && !(c >= 48 && c <= 57) && c !== 95 && c !== 45 && c !== 46) return false;
  }
  return true;
}
