/** Method names that the front itself has to know (MCP 2026-07-28 and 2025-11-25 schemas). */

/** Notifications that only servers send: from a client they are a trick or a mistake (F20). */
export function isServerOnly(method: string): boolean {
  return serverOnly.has(method);
}

/** Requests of older revisions that 2026-07-28 took away: 404 and -32601 on the modern wire. */
export function isRemoved(method: string): boolean {
  return removed.has(method);
}

const serverOnly = new Set([
  "notifications/message",
  "notifications/resources/updated",
  "notifications/resources/list_changed",
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/elicitation/complete",
  "notifications/subscriptions/acknowledged",
  "notifications/tasks",
]);

const removed = new Set([
  "initialize",
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
  "tasks/list",
  "tasks/result",
]);
