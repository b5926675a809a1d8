/** A scripted client of the call path: what it sends, and what it gets. */

import type { Identity } from "../../src/access/access.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { limits } from "../../src/base/limits.ts";
import type { Incoming, Reply, WatchedResources } from "../../src/call/incoming.ts";
import { readCapabilities } from "../../src/protocol/capabilities.ts";
import { readMessage } from "../../src/protocol/json-rpc.ts";
import type { Era } from "../../src/protocol/message.ts";
import { readStrict } from "../../src/protocol/strict-json.ts";
import { someone, text } from "./scripted.ts";

export interface Sent {
  readonly era?: Era;
  readonly identity?: Identity;
  readonly headers?: Record<string, string>;
  /** As declared. */
  readonly capabilities?: JsonObject;
  readonly logLevel?: string;
  readonly watched?: WatchedResources;
}

/** A tools/call (or another method) as the front would hand it over. */
export function incoming(body: string, options: Sent = {}): Incoming {
  const bounds = {
    depth: limits.jsonDepth,
    values: limits.jsonValues,
    keyBytes: limits.jsonKeyBytes,
  };
  const read = readStrict(new TextEncoder().encode(body), bounds);
  if (!read.ok) throw new Error(read.error.message);
  const message = readMessage(read.value, { idBytes: limits.idBytes });
  if (!message.ok || message.value.kind !== "request") throw new Error("not a request");
  const era = options.era ?? "legacy";
  return {
    identity: options.identity ?? someone,
    era,
    protocol: era === "modern" ? "2026-07-28" : "2025-11-25",
    message: message.value,
    transport: "http",
    client: { name: "test", version: "1" },
    capabilities: readCapabilities(options.capabilities ?? {}),
    logLevel: options.logLevel,
    watched: options.watched,
    session: "",
    arrived: 0,
    header: (name) => options.headers?.[name.toLowerCase()] ?? null,
  };
}

/** What a session watches: as much as it likes, unless `most` is given. */
export function watching(most = Number.POSITIVE_INFINITY): WatchedResources & { all(): string[] } {
  const uris = new Set<string>();
  return {
    has: (uri) => uris.has(uri),
    add: (uri) => uris.size < most && uris.add(uri).has(uri),
    delete: (uri) => void uris.delete(uri),
    all: () => [...uris],
  };
}

export interface Caught extends Reply {
  readonly notes: JsonObject[];
  answer():
    | { readonly status: number; readonly text: string; readonly value: JsonObject }
    | undefined;
}

export function catchReply(): Caught {
  const notes: JsonObject[] = [];
  let answer: ReturnType<Caught["answer"]>;
  return {
    notes,
    notify: (message) => notes.push(JSON.parse(message)),
    ask: () => undefined,
    send(status, body) {
      if (answer !== undefined) throw new Error("answered twice");
      const whole = text(body);
      answer = { status, text: whole, value: JSON.parse(whole) };
    },
    answer: () => answer,
  };
}
