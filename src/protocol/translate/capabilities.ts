/** What a modern server is told of a client's capabilities: its own words (2026-07-28, MRTR). */

import { isObject, type JsonObject, member } from "../../base/json.ts";
import type { Era } from "../message.ts";

/**
 * `text`: as the client declared. A legacy client's tasks, hosted or asked for, have no form in
 * 2026-07-28, so a modern server is not told of them: then it answers at once.
 */
export function capabilitiesFor(text: string, from: Era): string {
  if (from === "modern" || !text.includes("tasks")) return text;
  const raw = JSON.parse(text) as JsonObject;
  const { tasks: _tasks, ...rest } = raw;
  const extensions = member(raw, "extensions");
  if (!isObject(extensions)) return JSON.stringify(rest);
  const { [tasksExtension]: _extension, ...others } = extensions;
  return JSON.stringify({ ...rest, extensions: others });
}

export const tasksExtension = "io.modelcontextprotocol/tasks";
