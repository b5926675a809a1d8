/** What the gateway says it can do: what its servers say, as far as it is carried. */

import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Era } from "../protocol/message.ts";
import type { SelfDescription } from "../protocol/translate/initialize.ts";
import type { ServerHello } from "../upstream/upstream.ts";

/** What the call path answers; nothing else is declared, whatever servers have. */
export interface Carried {
  readonly prompts: boolean;
  readonly resources: boolean;
  readonly subscribe: boolean;
  readonly completions: boolean;
  readonly logging: boolean;
  readonly tasks: boolean;
}

export interface HelloOf {
  readonly server: string;
  /** undefined: it never answered, so nothing is known of it. */
  readonly hello: ServerHello | undefined;
  /** Whether the key sees anything of it. */
  readonly seen: boolean;
}

export type Family = "tools" | "prompts" | "resources";

/**
 * Whether clients are told of the family. A server that never answered may have it: sessions
 * learn it only at their beginning, and an empty list is better than one that they never ask for.
 */
export function declares(
  family: Family,
  servers: readonly Pick<HelloOf, "hello">[],
  carried: Carried,
): boolean {
  if (family === "tools") return true;
  if (!carried[family]) return false;
  return servers.some(({ hello }) => hello === undefined || has(hello, family));
}

export function describe(
  servers: readonly HelloOf[],
  carried: Carried,
  era: Era,
): Omit<SelfDescription, "serverInfo"> {
  const known = servers.flatMap(({ hello }) => hello ?? []);
  const seen = servers.flatMap(({ hello, seen }) => (seen && hello !== undefined ? hello : []));
  const some = (name: string) => known.some((hello) => has(hello, name));
  const subscribe = carried.subscribe && known.some(subscribes);
  // Our own lists change whenever a server comes or goes, or the policy does.
  const listChanged = { listChanged: true };
  const extensions = merged(seen, "extensions", (name, hello) =>
    carries(name, hello, era, carried),
  );
  const experimental = merged(seen, "experimental", () => true);
  const sameEra = seen.filter((hello) => hello.era === era && era === "legacy");
  const tasks = carried.tasks ? merged(sameEra, "tasks", () => true) : undefined;
  return {
    capabilities: {
      tools: listChanged,
      ...(declares("prompts", servers, carried) && { prompts: listChanged }),
      ...(declares("resources", servers, carried) && {
        resources: { ...(subscribe && { subscribe: true }), ...listChanged },
      }),
      ...(carried.completions && some("completions") && { completions: {} }),
      ...(carried.logging && some("logging") && { logging: {} }),
      ...(tasks && { tasks }),
      ...(extensions && { extensions }),
      ...(experimental && { experimental }),
    },
    instructions: instructionsOf(servers),
  };
}

/** Tasks are a protocol of their own, with other forms in each era; what else is, is not known. */
function carries(name: string, { era: its }: ServerHello, era: Era, carried: Carried): boolean {
  if (name !== "io.modelcontextprotocol/tasks") return true;
  return carried.tasks && its === "modern" && era === "modern";
}

function has({ capabilities }: ServerHello, name: string): boolean {
  return isObject(member(capabilities, name));
}

function subscribes({ capabilities }: ServerHello): boolean {
  const resources = member(capabilities, "resources");
  return isObject(resources) && member(resources, "subscribe") === true;
}

/** Members of that object of all servers; the first server's where several have one. */
function merged(
  hellos: readonly ServerHello[],
  name: string,
  wanted: (member: string, hello: ServerHello) => boolean,
): JsonObject | undefined {
  const all = new Map<string, Json>();
  for (const hello of hellos) {
    const given = member(hello.capabilities, name);
    if (!isObject(given) || JSON.stringify(given).length > limits.serverCapabilityChars) continue;
    for (const [key, value] of Object.entries(given)) {
      if (key !== "__proto__" && !all.has(key) && wanted(key, hello)) all.set(key, value);
    }
  }
  return all.size === 0 ? undefined : Object.fromEntries(all);
}

/** Only of servers that the key sees: the others are none of its business. */
function instructionsOf(servers: readonly HelloOf[]): string | undefined {
  const parts: string[] = [];
  let left = limits.instructionChars;
  for (const { server, hello, seen } of servers) {
    const text = hello?.instructions?.trim() ?? "";
    if (!seen || text === "" || left <= 0) continue;
    const part = `## ${server}\n\n${cut(text, Math.min(left, limits.serverInstructionChars))}`;
    left -= part.length;
    parts.push(part);
  }
  return parts.length === 0 ? undefined : parts.join("\n\n");
}

function cut(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars)}…`;
}
