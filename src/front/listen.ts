/**
 * subscriptions/listen (2026-07-28): a stream of its own that says first what it will tell,
 * and then only that. Every message carries the id of the request that opened it.
 */

import type { Identity } from "../access/access.ts";
import { isObject, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { notificationMessage, resultMessage } from "../protocol/envelope.ts";
import { metaKeys } from "../protocol/known-keys.ts";
import { listMethods } from "../protocol/lists.ts";
import type { RequestMessage } from "../protocol/message.ts";
import { refusedNow } from "./admit.ts";
import { plain, rpcError } from "./answers.ts";
import { again, badParams, internal } from "./carry.ts";
import type { Caller, Door } from "./door.ts";
import { keyFull } from "./full.ts";
import { changes, families, filters, offers } from "./list-changes.ts";
import type { Seen } from "./sessions.ts";
import type { Watcher } from "./watched.ts";

export async function listen(
  door: Door,
  caller: Caller,
  message: RequestMessage,
): Promise<Response> {
  const { keyId } = caller.identity;
  // Before anything is watched: what is refused must cost nothing (R6).
  if (!door.streams.reserve(keyId)) {
    return rpcError(keyFull("streams"), message.idText, again);
  }
  try {
    return await prepare(door, caller, message);
  } finally {
    door.streams.release(keyId);
  }
}

async function prepare(door: Door, caller: Caller, message: RequestMessage): Promise<Response> {
  const { identity } = caller;
  const wanted = caller.head.accepts;
  if (wanted === "json" || wanted === "none") return rpcError(plain("GW_ACCEPT"), message.idText);
  if (door.draining) return rpcError(plain("GW_DRAINING"), message.idText, again);
  const asked = member(message.params, "notifications");
  if (!isObject(asked)) return badParams(message, "subscriptions/listen needs notifications");
  const uris = urisOf(asked);
  if (typeof uris === "string") return badParams(message, uris);

  const { capabilities } = await door.ports.hello(identity, "modern");
  const told = families.filter(
    (family) => member(asked, filters[family]) === true && offers(capabilities, family, changed),
  );
  const lists = changes((family) => told.includes(family), metaOf(message));
  const seen: Seen = new Map();
  for (const list of listMethods) {
    if (lists.has(list)) seen.set(list, await door.ports.visibleHash(identity, list));
  }
  const subscribes = offers(capabilities, "resources", "subscribe");
  const watching = await watchAll(door, identity, subscribes ? uris : [], message);
  const refused = refusedNow(door, caller);
  if (refused !== undefined) {
    watching.end();
    return refused;
  }
  return openListen(door, caller, message, { told, lists, seen, watching });
}

const changed = "listChanged";

interface Listening {
  readonly told: readonly (keyof typeof filters)[];
  readonly lists: ReturnType<typeof changes>;
  readonly seen: Seen;
  readonly watching: Watching;
}

function openListen(
  door: Door,
  { identity, peer, request }: Caller,
  message: RequestMessage,
  { told, lists, seen, watching }: Listening,
): Response {
  const meta = metaOf(message);
  const stream = door.streams.open({
    ...{ identity, peer, request, seen, lists },
    farewell: resultMessage(message.idText, `{"resultType":"complete",${meta}}`).join(""),
    closed: () => watching.end(),
  });
  if (stream === undefined) {
    watching.end();
    return rpcError(keyFull("streams"), message.idText, again);
  }
  const honoured = JSON.stringify({
    ...Object.fromEntries(told.map((family) => [filters[family], true])),
    ...(watching.uris.length > 0 && { resourceSubscriptions: watching.uris }),
  });
  const acknowledged = `{"notifications":${honoured},${meta}}`;
  stream.send(notificationMessage("notifications/subscriptions/acknowledged", acknowledged));
  watching.begin((text) => stream.send(text));
  // What changed since it was looked at.
  door.streams.refresh(identity, lists.keys()).catch((thrown) => internal(door, thrown));
  return stream.response;
}

function metaOf({ idText }: RequestMessage): string {
  return `"_meta":{"${metaKeys.subscriptionId}":${idText}}`;
}

/** Or what is wrong with them. */
function urisOf(asked: JsonObject): readonly string[] | string {
  const uris = member(asked, "resourceSubscriptions") ?? [];
  if (!Array.isArray(uris) || !uris.every((uri): uri is string => typeof uri === "string")) {
    return "resourceSubscriptions must be a list of URIs";
  }
  const distinct = [...new Set(uris)];
  const characters = distinct.reduce((sum, uri) => sum + uri.length, 0);
  if (distinct.length > limits.watchedPerSession || characters > limits.watchedChars) {
    return `a stream tells of at most ${limits.watchedPerSession} resources`;
  }
  return distinct;
}

interface Watching {
  /** Those that are honoured. */
  readonly uris: readonly string[];
  /** What came meanwhile, then what comes. */
  begin(send: (message: string) => void): void;
  end(): void;
}

/** Watches before anything is acknowledged: a change may follow the acknowledgement at once. */
async function watchAll(
  door: Door,
  identity: Identity,
  uris: readonly string[],
  message: RequestMessage,
): Promise<Watching> {
  const { resources } = door.ports;
  const early: string[] = [];
  let send = (text: string): void => {
    early.push(text);
  };
  const watcher: Watcher = { identity, updated: (params) => send(updatedText(params, message)) };
  for (const uri of uris) door.watchers.add(uri, watcher);
  const answers = await Promise.all(uris.map((uri) => resources.watch(identity, uri)));
  const honoured = uris.filter((_, at) => answers[at] === true);
  for (const uri of uris) if (!honoured.includes(uri)) door.watchers.delete(uri, watcher);
  let over = false;
  return {
    uris: honoured,
    begin(to) {
      send = to;
      for (const text of early.splice(0)) to(text);
    },
    end() {
      if (over) return;
      over = true;
      for (const uri of honoured) {
        door.watchers.delete(uri, watcher);
        resources.unwatch(uri);
      }
    },
  };
}

/** The server's own params with our subscription's id. */
function updatedText(params: JsonObject, { id }: RequestMessage): string {
  const meta = member(params, "_meta");
  const _meta = { ...(isObject(meta) ? meta : {}), [metaKeys.subscriptionId]: id };
  const text = JSON.stringify({ ...params, _meta });
  return notificationMessage("notifications/resources/updated", text);
}
