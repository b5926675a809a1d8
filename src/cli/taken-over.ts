/** Servers of a client's file, as a gateway's config takes them: none that leads to a gateway. */

import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { printable } from "../base/printable.ts";
import { isStdioEntry } from "../doctor/client-stdio.ts";

/** `note`: what became of an entry of ours; a gateway behind itself would start without end. */
export function takenOver(servers: JsonObject, note: (line: string) => void): JsonObject {
  const kept: [string, Json][] = [];
  for (const [name, entry] of Object.entries(servers)) {
    const found = isObject(entry) ? plainServer(entry) : entry;
    if (found !== undefined) kept.push([name, ours(found, name, note)]);
    if (found === undefined) note(`left  ${printable(name)}: it leads to a gateway`);
    else if (found !== entry) note(`took  ${printable(name)} without the gateway around it`);
  }
  return Object.fromEntries(kept);
}

/** In our words: Windsurf says serverUrl, Gemini httpUrl, and VS Code asks a person for inputs. */
function ours(entry: Json, name: string, note: (line: string) => void): Json {
  if (!isObject(entry)) return entry;
  const renamed = Object.entries(entry).map(([key, value]): [string, Json] => {
    const isUrl = (key === "serverUrl" || key === "httpUrl") && entry["url"] === undefined;
    return [isUrl ? "url" : key, value];
  });
  const asked = new Set<string>();
  const text = JSON.stringify(Object.fromEntries(renamed));
  const answered = text.replace(/\$\{input:([A-Za-z0-9_-]{1,64})\}/g, (_, id: string) => {
    asked.add(id);
    return `\${cred:${id}}`;
  });
  for (const id of asked) {
    const place = `credentials/${id} beside the config, mode 0600`;
    note(`took  ${printable(name)}: its input "${id}" is read from ${place}`);
  }
  return JSON.parse(answered);
}

/** undefined: it leads to a gateway. What `stdio --policy P --` stands before is a server. */
function plainServer(entry: JsonObject): JsonObject | undefined {
  const headers = member(entry, "headers");
  const values = isObject(headers) ? Object.values(headers) : [];
  if (values.some((value) => typeof value === "string" && value.includes("agw_"))) return undefined;
  const args = member(entry, "args");
  const words = [member(entry, "command"), ...(Array.isArray(args) ? args : [])].map(String);
  if (!isStdioEntry({ command: words })) return entry;
  const [command, ...rest] = words.slice(words.indexOf("--") + 1);
  return words.includes("--") && command !== undefined
    ? { ...entry, command, args: rest }
    : undefined;
}
