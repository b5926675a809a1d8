/** A scripted client of the call path: what it sends, and what it gets. */

import type { Identity } from "../../src/access/access.ts";
import { fault } from "../../src/base/errors.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { limits } from "../../src/base/limits.ts";
import type {
  Asked,
  ClientAnswer,
  Incoming,
  Reply,
  WatchedResources,
} from "../../src/call/incoming.ts";
import { readCapabilities } from "../../src/protocol/capabilities.ts";
import { readMessage } from "../../src/protocol/json-rpc.ts";
import type { Era } from "../../src/protocol/message.ts";
import { readStrict } from "../../src/protocol/strict-json.ts";
import { settle, someone, text } from "./scripted.ts";

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
  if (message.kind !== "request") throw new Error("not a request");
  const era = options.era ?? "legacy";
  return {
    identity: options.identity ?? someone,
    era,
    protocol: era === "modern" ? "2026-07-28" : "2025-11-25",
    message,
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

/** A question that the client got on the stream of its request. */
export interface Question {
  readonly method: string;
  readonly params: string;
  /** Why the gateway took it back. */
  takenBack: string | undefined;
  answer(json: string): Promise<void>;
  refuse(code: number, message: string): Promise<void>;
  /** The stream broke. */
  lose(): Promise<void>;
}

export interface Caught extends Reply {
  readonly notes: JsonObject[];
  readonly questions: Question[];
  answer():
    | { readonly status: number; readonly text: string; readonly value: JsonObject }
    | undefined;
}

/** `asks`: whether it takes questions. */
export function catchReply(asks = true): Caught {
  const notes: JsonObject[] = [];
  const questions: Question[] = [];
  let answer: ReturnType<Caught["answer"]>;
  return {
    notes,
    questions,
    notify: (message) => notes.push(JSON.parse(message)),
    ask(method, params) {
      if (!asks) return undefined;
      const made = question(method, text(params));
      questions.push(made.question);
      return made.asked;
    },
    send(status, body) {
      if (answer !== undefined) throw new Error("answered twice");
      const whole = text(body);
      answer = { status, text: whole, value: JSON.parse(whole) };
    },
    answer: () => answer,
  };
}

function question(method: string, params: string): { question: Question; asked: Asked } {
  const { promise, resolve, reject } = Promise.withResolvers<ClientAnswer>();
  promise.catch(() => undefined);
  const made: Question = {
    ...{ method, params, takenBack: undefined },
    answer(json) {
      resolve({ ok: true, value: JSON.parse(json), bytes: new TextEncoder().encode(json) });
      return settle();
    },
    refuse(code, message) {
      resolve({ ok: false, code, message });
      return settle();
    },
    lose() {
      reject(fault("GW_CANCELLED", { message: "The client left" }));
      return settle();
    },
  };
  const cancel = (reason: string) => {
    made.takenBack = reason;
    reject(fault("GW_CANCELLED", { message: reason }));
  };
  return { question: made, asked: { answer: promise, cancel } };
}
