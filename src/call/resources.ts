/** resources/read, and subscribe and unsubscribe, which are decided as reads. */

import { asFault, fault, type GatewayError } from "../base/errors.ts";
import { member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Item } from "../catalog/catalog.ts";
import { readUpstream } from "../protocol/strict-json.ts";
import type { Forwarded } from "./answer.ts";
import { makeCall } from "./call.ts";
import type { Handling, Incoming, Reply } from "./incoming.ts";
import type { Decided, DecidedCall, Method, Performing } from "./method.ts";
import { framed } from "./parse.ts";
import type { CallPorts } from "./ports.ts";

const covers = ["uri"] as const;
const read: Decided = { covers, parse: (incoming, ports) => parseUri(incoming, ports, read) };
const subscribe: Decided = {
  covers,
  parse: (incoming, ports) => parseUri(incoming, ports, subscribe),
  perform: watch,
};
const unsubscribe: Decided = {
  covers,
  parse: (incoming, ports) => parseUri(incoming, ports, unsubscribe),
  perform: async (_call, _item, { live }) => done(live.serverEra ?? "legacy", 0),
};

export const resourceMethods: readonly (readonly [string, Method])[] = [
  [
    "resources/read",
    {
      eras: ["legacy", "modern"],
      run: (incoming, reply, ports) => makeCall(incoming, reply, ports, read),
    },
  ],
  [
    "resources/subscribe",
    {
      eras: ["legacy"],
      run: (incoming, reply, ports) => makeCall(incoming, reply, ports, subscribe),
    },
  ],
  ["resources/unsubscribe", { eras: ["legacy"], run: unwatch }],
];

function parseUri(
  incoming: Incoming,
  { catalog }: CallPorts,
  method: Decided,
): DecidedCall | GatewayError {
  const { message } = incoming;
  const exposed = member(message.params, "uri");
  if (typeof exposed !== "string" || exposed === "") {
    return fault("GW_PARAMS", { message: `${message.method} needs a string "uri" in params` });
  }
  const item = catalog.resource(exposed);
  framed(incoming, item);
  const argsBytes = message.body.part("uri", "params");
  const args = { uri: exposed };
  const guess = item === undefined ? catalog.guess(exposed, "resource") : undefined;
  const call = { method, exposed, item, guess, args, argsBytes };
  return { ...call, replaced: undefined, task: undefined };
}

/** The server is asked once, however many sessions want to know (resource-hub.ts). */
async function watch(call: DecidedCall, item: Item, to: Performing): Promise<Forwarded> {
  const { incoming, ports, live } = to;
  const { watched } = incoming;
  const began = ports.clock.mono();
  const era = item.upstream.hello()?.era ?? "legacy";
  live.serverEra = era;
  if (watched === undefined || watched.has(call.exposed)) return done(era, 0);
  // Before the server is asked: a change may follow its answer at once.
  const added = watched.add(call.exposed);
  try {
    if (!added) throw tooMany();
    await ports.resources.watch(item.upstream, call.exposed);
    return done(era, ports.clock.mono() - began);
  } catch (thrown) {
    watched.delete(call.exposed);
    const error = asFault(thrown, `Cannot watch "${call.exposed}"`);
    return { kind: "failed", error, mayHaveRun: false, serverMs: ports.clock.mono() - began };
  }
}

/** Its session hears no more of it at once, whatever policy says of reading it by now. */
function unwatch(incoming: Incoming, reply: Reply, ports: CallPorts): Handling {
  const uri = member(incoming.message.params, "uri");
  if (typeof uri === "string" && incoming.watched?.has(uri)) {
    incoming.watched.delete(uri);
    ports.resources.unwatch(uri);
  }
  return makeCall(incoming, reply, ports, unsubscribe);
}

function tooMany(): GatewayError {
  const message = `A session may watch ${limits.watchedPerSession} resources`;
  return fault("GW_SUBSCRIPTIONS_FULL", { message, data: { limit: limits.watchedPerSession } });
}

/** The gateway's own answer, in the form of a server's. */
function done(era: "legacy" | "modern", serverMs: number): Forwarded {
  const body = readUpstream(new TextEncoder().encode('{"jsonrpc":"2.0","id":0,"result":{}}'));
  if (!body.ok) throw new Error(body.error.message);
  const bytes = body.value.part("result") ?? body.value.bytes;
  return { kind: "result", outcome: "ok", message: body.value, era, bytes, serverMs };
}
