/** Notifications that a server sends while it has a request, as its client gets them. */

import { isObject, type JsonObject, member } from "../base/json.ts";
import { notificationMessage } from "../protocol/envelope.ts";
import type { Era } from "../protocol/message.ts";
import { noteWithId } from "../protocol/translate/tasks.ts";
import type { Incoming } from "./incoming.ts";

/** The whole message for the request's own stream; undefined: it is nothing for this client. */
export function noteFor(
  method: string,
  given: JsonObject,
  { incoming, task }: Told,
  from: Era,
): string | undefined {
  const params = task === undefined ? given : noteWithId(given, task.id, task.name);
  if (params === undefined) return undefined;
  // Of a task that this request is not about, whose ids its client would not know.
  if (task === undefined && method === "notifications/tasks/status") return undefined;
  if (method === "notifications/progress") {
    const token = progressToken(incoming.message.params);
    if (token === undefined) return undefined;
    // F15: under the client's own token; other members as the server sent them.
    return notificationMessage(method, JSON.stringify({ ...params, progressToken: token }));
  }
  if (method === "notifications/message") {
    if (!wantsLog(incoming, member(params, "level"))) return undefined;
  } else if (from !== incoming.era || handledBefore.has(method)) return undefined;
  return notificationMessage(method, JSON.stringify(params));
}

interface Told {
  readonly incoming: Incoming;
  /** The task that the request is about, by the server's id and the client's. */
  readonly task: { readonly id: string; readonly name: string } | undefined;
}

/** About other things than this request, or about the hop to the server. */
const handledBefore: ReadonlySet<string> = new Set([
  "notifications/cancelled",
  "notifications/initialized",
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
  "notifications/resources/updated",
  "notifications/subscriptions/acknowledged",
  "notifications/tasks",
]);

/** RFC 5424, the least important first. */
export const logLevels: readonly string[] = [
  ...["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"],
];

/**
 * A level holds for a whole session at a legacy server, which others share: so each client's own is
 * kept here (3, logging/setLevel). A modern client that names none wants none; what a legacy client
 * gets that never named one is the server's choice (2025-11-25, logging).
 */
function wantsLog({ logLevel, era }: Incoming, level: unknown): boolean {
  if (logLevel === undefined) return era === "legacy";
  const [wanted, given] = [logLevels.indexOf(logLevel), logLevels.indexOf(String(level))];
  return given === -1 ? era === "legacy" : given >= wanted;
}

function progressToken(params: JsonObject): string | number | undefined {
  const meta = member(params, "_meta");
  const token = isObject(meta) ? member(meta, "progressToken") : undefined;
  return typeof token === "string" || typeof token === "number" ? token : undefined;
}
