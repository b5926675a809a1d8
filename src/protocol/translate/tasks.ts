/** Task ids in results, questions and answers: the server's own behind, the sealed one in front. */

import { isObject, type JsonObject, member } from "../../base/json.ts";
import { membersOf } from "../strict-json.ts";

/** `_meta` of what belongs to a task (2025-11-25, tasks). */
export const relatedTask = "io.modelcontextprotocol/related-task";

/** A task object, as results of tasks/get and tasks/cancel are, under another id. */
export function taskWithId(task: Uint8Array, id: string): Uint8Array {
  return withMember(task, "taskId", () => encoder.encode(JSON.stringify(id)));
}

/** A CreateTaskResult of 2025-11-25, whose task stands inside, under another id. */
export function createdWithId(result: Uint8Array, id: string): Uint8Array {
  return withMember(result, "task", (task) => taskWithId(task, id));
}

/** A result, or params, that say in `_meta` which task they belong to, under another id. */
export function relatedWithId(bytes: Uint8Array, id: string): Uint8Array {
  return withMember(bytes, "_meta", (meta) =>
    withMember(meta, relatedTask, (related) => taskWithId(related, id)),
  );
}

/** The same for params that are a tree already; undefined: they are about another task. */
export function noteWithId(params: JsonObject, from: string, to: string): JsonObject | undefined {
  const meta = member(params, "_meta");
  const related = isObject(meta) ? member(meta, relatedTask) : undefined;
  let renamed = params;
  if (isObject(related)) {
    if (member(related, "taskId") !== from) return undefined;
    const its = { ...related, taskId: to };
    renamed = { ...params, _meta: { ...(meta as JsonObject), [relatedTask]: its } };
  }
  const own = member(params, "taskId");
  if (own === undefined) return renamed;
  return own === from ? { ...renamed, taskId: to } : undefined;
}

/** The id of the task that a server made; undefined: it made none. */
export function createdId(result: JsonObject, nested: boolean): string | undefined {
  const task = nested ? member(result, "task") : result;
  const id = isObject(task) ? member(task, "taskId") : undefined;
  return typeof id === "string" ? id : undefined;
}

/** What tasks/list tells of a task. */
export function listedTask(task: JsonObject, id: string): JsonObject {
  const kept = Object.entries(task).filter(([key]) => taskKeys.has(key));
  return { ...Object.fromEntries(kept), taskId: id };
}

const taskKeys: ReadonlySet<string> = new Set([
  ...["status", "statusMessage", "createdAt", "lastUpdatedAt", "ttl", "pollInterval"],
]);

/** The object's bytes with this member's value mapped; as they are where it has no such object. */
function withMember(
  bytes: Uint8Array,
  key: string,
  map: (value: Uint8Array) => Uint8Array,
): Uint8Array {
  if (bytes[0] !== 0x7b) return bytes;
  const found = membersOf(bytes).findLast((one) => one.key === key);
  if (found === undefined) return bytes;
  const { valueStart, end } = found;
  const value = map(bytes.subarray(valueStart, end));
  return Buffer.concat([bytes.subarray(0, valueStart), value, bytes.subarray(end)]);
}

const encoder = new TextEncoder();
