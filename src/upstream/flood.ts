/**
 * What a server tells and asks beside its answers, faster than anybody needs it (U18, R12): it is
 * dropped and counted. Of a change that is dropped so is told once, soon.
 */

import { Buffer } from "node:buffer";
import type { JsonObject } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { ListMethod } from "../protocol/lists.ts";
import { changedList, type LinkEvents, updatedResource } from "./link.ts";
import { inPace, isOver, methodOf, type Paced } from "./pace.ts";

export interface Flood {
  /** Counts a notification that was read; false: one too many. */
  takes(method: string, params: JsonObject): boolean;
  /** One too many, as its first bytes say, and not to be read. */
  drops(bytes: Uint8Array): boolean;
  /** It was not read, whatever it is. */
  drop(bytes: Uint8Array): void;
  /** Counts a request of the server; false: one too many. */
  asks(): boolean;
  close(): void;
}

export interface FloodOptions {
  readonly clock: Clock;
  readonly events: Pick<LinkEvents, "listChanged" | "updated" | "dropped">;
}

export function createFlood({ clock, events }: FloodOptions): Flood {
  const told: Paced = { pace: undefined };
  const asked: Paced = { pace: undefined };
  const lists = new Set<ListMethod>();
  const uris = new Set<string>();
  let stop: (() => void) | undefined;

  function tell(): void {
    stop = undefined;
    for (const list of lists) events.listChanged(list);
    for (const uri of uris) events.updated(uri, { uri });
    lists.clear();
    uris.clear();
  }

  function later(list: ListMethod | undefined, uri: string | undefined): void {
    events.dropped();
    if (list !== undefined) lists.add(list);
    if (uri !== undefined && uris.size < limits.watchedPerSession) uris.add(uri);
    if (lists.size + uris.size > 0) stop ??= clock.after(limits.coalesceMs, tell);
  }

  function drop(bytes: Uint8Array): void {
    const method = methodOf(bytes) ?? "";
    later(changedList(method), method === updated ? uriOf(bytes) : undefined);
  }

  return {
    takes(method, params) {
      if (inPace(told, clock.mono())) return true;
      later(changedList(method), updatedResource(method, params));
      return false;
    },
    drops(bytes) {
      if (told.pace === undefined || !isOver(told, clock.mono())) return false;
      if (methodOf(bytes)?.startsWith("notifications/") !== true) return false;
      drop(bytes);
      return true;
    },
    drop,
    asks() {
      if (inPace(asked, clock.mono(), limits.requestsPerSecond)) return true;
      events.dropped();
      return false;
    },
    close() {
      stop?.();
    },
  };
}

const updated = "notifications/resources/updated";
const uriMember = /"uri"\s*:\s*"([^"\\]{1,4096})"/;

/** As it is mostly written: others are told of by the ones that are read. */
function uriOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, uriWithin));
  return uriMember.exec(text.toString("utf8"))?.[1];
}

const uriWithin = limits.uriBytes + 256;
