/**
 * Tasks of servers as keys know them: a sealed id that says whose task it is, where, and of which
 * call (F15, F23). The table is memory for lists; an id is good without it.
 */

import { isObject, type JsonObject } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Sealer } from "../base/seal.ts";
import type { Item } from "../catalog/catalog.ts";

export interface Tasks {
  /** The id under which this key knows a server's task. */
  nameOf(keyId: string, item: Item, id: string): string;
  /** undefined: it is no task of this key. */
  open(keyId: string, name: string): TaskOf | undefined;
  /** What the server said of it last. */
  seen(keyId: string, name: string, task: JsonObject): void;
  /** Those that this key made and the gateway remembers, the oldest first. */
  list(keyId: string): readonly JsonObject[];
}

export interface TaskOf {
  readonly server: string;
  /** The tool's name for agents. */
  readonly exposed: string;
  /** The server's own. */
  readonly id: string;
}

export function createTasks(sealer: Sealer): Tasks {
  const byKey = new Map<string, Map<string, JsonObject>>();
  return {
    nameOf(keyId, { server, exposed }, id) {
      return sealer.seal("task", keyId, JSON.stringify({ server, exposed, id }));
    },
    open(keyId, name) {
      const text = sealer.open("task", keyId, name);
      const found: unknown = text === undefined ? undefined : JSON.parse(text);
      return isObject(found) ? (found as unknown as TaskOf) : undefined;
    },
    seen(keyId, name, task) {
      const own = byKey.get(keyId) ?? new Map<string, JsonObject>();
      byKey.set(keyId, own.set(name, task));
      if (own.size <= limits.tasksPerKey) return;
      for (const oldest of own.keys()) {
        own.delete(oldest);
        break;
      }
    },
    list: (keyId) => [...(byKey.get(keyId)?.values() ?? [])],
  };
}
