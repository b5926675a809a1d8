/** All pages of a list, each item with the text the server wrote. */

import { fault } from "../base/errors.ts";
import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { type CacheHints, leastHints, notKept, readHints } from "../protocol/cache-hints.ts";
import { type ListMethod, listShapes } from "../protocol/lists.ts";
import type { StrictBody } from "../protocol/message.ts";
import { errorCode, errorText, modernMeta } from "./handshake.ts";
import { elementSpans } from "./items.ts";
import { notOurs, type Sent } from "./link.ts";
import type { Identity } from "./settings.ts";
import type { RawItem, RawList, ServerHello, UpstreamRequest, UpstreamSink } from "./upstream.ts";

export interface ListContext {
  readonly server: string;
  readonly hello: ServerHello;
  readonly clock: Clock;
  readonly identity: Identity;
  ask(request: UpstreamRequest, sink: UpstreamSink): Sent;
}

/** Rejects with GW_UPSTREAM_ERROR, _DOWN or _LOST; empty when the server declares no such list. */
export async function listAll(context: ListContext, method: ListMethod): Promise<RawList> {
  const { capability, key } = listShapes[method];
  const { capabilities, era } = context.hello;
  if (member(capabilities, capability) === undefined) return { items: [], hints: notKept };
  const items: RawItem[] = [];
  const hints: CacheHints[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  let bytes = 0;
  for (let page = 1; page <= limits.listPages; page += 1) {
    const body = await onePage(context, method, cursor);
    const result = member(body.value, "result");
    // Of resources many servers have only one of the two lists.
    if (!isObject(result)) return { items, hints: notKept };
    for (const item of itemsOf(context.server, method, body, key)) {
      items.push(item);
      bytes += item.text.length + limits.listItemCost;
    }
    if (bytes > limits.listBytes) {
      throw bad(context.server, method, `all its pages are over ${limits.listBytes} bytes`);
    }
    hints.push(readHints(result, era));
    const next = member(result, "nextCursor");
    // An empty string is a cursor too.
    if (typeof next !== "string") return { items, hints: leastHints(hints) };
    if (seen.has(next)) throw bad(context.server, method, "it gives the same cursor twice");
    seen.add(next);
    cursor = next;
  }
  throw bad(context.server, method, `it has more than ${limits.listPages} pages`);
}

function onePage(
  context: ListContext,
  method: ListMethod,
  cursor: string | undefined,
): Promise<StrictBody> {
  return new Promise((resolve, reject) => {
    const stop = context.clock.after(limits.handshakeMs, () => {
      sent.cancel("no answer in time");
      reject(bad(context.server, method, `no answer within ${limits.handshakeMs} ms`));
    });
    const sent = context.ask(pageRequest(context.identity, method, cursor), {
      notification: () => undefined,
      request: notOurs,
      response(body) {
        stop();
        const missing = method !== "tools/list" && errorCode(body) === methodNotFound;
        if (missing || isObject(member(body.value, "result"))) resolve(body);
        else reject(bad(context.server, method, errorText(body)));
      },
      failed(error) {
        stop();
        reject(error);
      },
    });
  });
}

const methodNotFound = -32601;

function pageRequest(
  identity: Identity,
  method: string,
  cursor: string | undefined,
): UpstreamRequest {
  const members = cursor === undefined ? [] : [`"cursor":${JSON.stringify(cursor)}`];
  return {
    method,
    name: undefined,
    headers: [],
    origin: undefined,
    params(_id, era) {
      const all = era === "modern" ? [...members, `"_meta":${modernMeta(identity)}`] : members;
      return [`{${all.join(",")}}`];
    },
  };
}

function itemsOf(
  server: string,
  method: ListMethod,
  body: StrictBody,
  key: string,
): readonly RawItem[] {
  const span = body.span(key, "result");
  const values = member(member(body.value, "result") as JsonObject, key);
  if (span === undefined || !Array.isArray(values)) {
    throw bad(server, method, `its result has no array "${key}"`);
  }
  const spans = elementSpans(body.bytes, span);
  return values.map((value: Json, index) => {
    const [start, end] = spans[index] ?? [0, 0];
    if (!isObject(value) || end === 0) throw bad(server, method, "an item is no object");
    const text = Buffer.from(body.bytes.subarray(start, end)).toString("utf8");
    return { value, text };
  });
}

function bad(server: string, method: string, cause: string) {
  return fault("GW_UPSTREAM_ERROR", { message: `Cannot list "${method}" of "${server}"`, cause });
}
