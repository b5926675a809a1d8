/**
 * Log level debug: what passes on both hops of one call under one call id. Methods, ids, sizes and
 * times; never a value of an argument or a result, and no credential (F9). The call path knows
 * nothing of it: at debug a call gets ports that also tell.
 */

import { withoutKeys } from "../base/hidden-keys.ts";
import type { Log } from "../base/log.ts";
import type { Handling, Incoming, Reply } from "../call/incoming.ts";
import type { CallPorts } from "../call/ports.ts";
import type { Catalog, Item } from "../catalog/catalog.ts";
import type { Explanation } from "../policy/model.ts";
import type { Pieces } from "../protocol/message.ts";
import type { UpstreamRequest, UpstreamSink } from "../upstream/upstream.ts";

type Handle = (incoming: Incoming, reply: Reply, ports: CallPorts) => Handling;
type Tell = (message: string, fields: Record<string, unknown>) => void;

/** The same as `handle`; where the level is debug for the key, with frames in the log. */
export function withFrames(
  handle: Handle,
  calls: CallPorts,
  log: Pick<Log, "debug">,
  debugs: (keyName: string) => boolean,
): (incoming: Incoming, reply: Reply) => Handling {
  let others = 0;
  return (incoming, reply) => {
    if (!debugs(incoming.identity.keyName)) return handle(incoming, reply, calls);
    const trace = createTrace(incoming, log);
    // A call has its id from the board, so that it is the one that people see.
    if (incoming.message.method !== "tools/call") trace.begin(`m-${++others}`);
    const told = tellingPorts(calls, trace);
    return handle(incoming, tellingReply(reply, calls, incoming, trace), told);
  };
}

interface Trace {
  readonly tell: Tell;
  readonly begin: (call: string) => void;
  server: string | undefined;
}

/** The request's own line is the first, told late: then its server is known too. */
function createTrace(incoming: Incoming, log: Pick<Log, "debug">): Trace {
  const { keyName: key } = incoming.identity;
  let call: string | undefined;
  let received = false;
  const trace: Trace = {
    server: undefined,
    tell(message, fields) {
      const server = trace.server === undefined ? {} : { server: trace.server };
      const write = (text: string, more: Record<string, unknown>) =>
        log.debug(text, { call, key, ...server, ...more });
      if (!received) write("agent to gateway", requestFrame(incoming));
      received = true;
      write(message, fields);
    },
    begin(id) {
      call = id;
    },
  };
  return trace;
}

/** What is good to know of a request, and none of them is a secret. */
const shownHeaders = [
  ...["accept", "content-type", "origin", "user-agent", "mcp-protocol-version", "mcp-method"],
  ...["mcp-name", "traceparent", "x-forwarded-for", "via"],
];

function requestFrame(incoming: Incoming): Record<string, unknown> {
  const { message, era, protocol, client, session } = incoming;
  const headers: Record<string, string> = {};
  for (const name of shownHeaders) {
    const value = incoming.header(name);
    if (value !== null) headers[name] = withoutKeys(value);
  }
  if (incoming.header("authorization") !== null) headers["authorization"] = "[hidden]";
  return {
    ...{
      method: withoutKeys(message.method),
      id: message.idText,
      bytes: message.body.bytes.length,
    },
    ...{ era, protocol, session, client: `${client.name}/${client.version}`, headers },
  };
}

function tellingPorts(calls: CallPorts, trace: Trace): CallPorts {
  return Object.create(calls, {
    debug: { value: trace.tell },
    board: { value: boardWithId(calls, trace) },
    catalog: { value: tellingCatalog(calls.catalog, calls, trace) },
  });
}

function boardWithId({ board }: CallPorts, trace: Trace): CallPorts["board"] {
  return Object.create(board, {
    begin: {
      value(incoming: Incoming) {
        const live = board.begin(incoming);
        trace.begin(`c-${live.no}`);
        return live;
      },
    },
  });
}

function tellingCatalog(catalog: Catalog, calls: CallPorts, trace: Trace): Catalog {
  const originals = new Map<Item, Item>();
  const telling = <T extends Item>(exposed: string, item: T | undefined): T | undefined => {
    trace.server = item?.server ?? catalog.guess(exposed)?.server;
    if (item === undefined) return undefined;
    const { upstream } = item;
    const send = (request: UpstreamRequest, sink: UpstreamSink) =>
      upstream.send(tellingRequest(request, trace), tellingSink(sink, calls, trace));
    const told = { ...item, upstream: { ...upstream, send } };
    originals.set(told, item);
    return told;
  };
  return {
    ...catalog,
    tool: (exposed) => telling(exposed, catalog.tool(exposed)),
    prompt: (exposed) => telling(exposed, catalog.prompt(exposed)),
    resource: (uri) => telling(uri, catalog.resource(uri)),
    candidates(subject, tool) {
      const found = catalog.candidates(subject, originals.get(tool) ?? tool);
      return {
        ...found,
        decide(facts) {
          const explanation = found.explain(facts);
          trace.tell("rules", { tool: tool.target, rules: ruleTrace(explanation) });
          return explanation.decision;
        },
      };
    },
  };
}

/** Which condition of which rule held; paths and operators, no values. */
function ruleTrace({ rules }: Explanation): readonly string[] {
  return rules.map(({ rule, result, conditions }) => {
    const tried = conditions.map(
      ({ path, operator, result: one, note }) =>
        `${path} ${operator}: ${one}${note === undefined ? "" : ` (${note})`}`,
    );
    const why = tried.length === 0 ? "" : `; ${tried.join(", ")}`;
    return `${rule.effect} ${rule.id} ${rule.file}:${rule.line}: ${result}${why}`;
  });
}

function tellingRequest(request: UpstreamRequest, trace: Trace): UpstreamRequest {
  return {
    ...request,
    params(id, era) {
      const pieces = request.params(id, era);
      trace.tell("gateway to server", {
        ...{ method: request.method, id, era, params_bytes: sizeOf(pieces) },
        headers: request.headers.map(([name]) => name),
      });
      return pieces;
    },
  };
}

function tellingSink(sink: UpstreamSink, calls: CallPorts, trace: Trace): UpstreamSink {
  const began = calls.clock.mono();
  const ms = () => Math.round((calls.clock.mono() - began) * 1000) / 1000;
  return {
    notification(method, params) {
      trace.tell("server to gateway", { frame: "notification", method, ms: ms() });
      sink.notification(method, params);
    },
    crowded: (bytes) => sink.crowded?.(bytes),
    request(asked) {
      trace.tell("server to gateway", { frame: "request", method: asked.method, ms: ms() });
      sink.request(asked);
    },
    response(message) {
      const frame = message.span("error") === undefined ? "result" : "error";
      trace.tell("server to gateway", { frame, bytes: message.bytes.length, ms: ms() });
      sink.response(message);
    },
    failed(error, mayHaveRun) {
      const { code } = error;
      trace.tell("server to gateway", { frame: "none", code, may_have_run: mayHaveRun, ms: ms() });
      sink.failed(error, mayHaveRun);
    },
  };
}

function tellingReply(reply: Reply, calls: CallPorts, incoming: Incoming, trace: Trace): Reply {
  const ms = () => Math.round((calls.clock.mono() - incoming.arrived) * 1000) / 1000;
  return {
    notify(message) {
      trace.tell("gateway to agent", { frame: "notification", bytes: message.length, ms: ms() });
      reply.notify(message);
    },
    ask(method, params) {
      trace.tell("gateway to agent", { frame: "request", method, ms: ms() });
      return reply.ask(method, params);
    },
    send(status, body, lent) {
      trace.tell("gateway to agent", { frame: "answer", status, bytes: sizeOf(body), ms: ms() });
      reply.send(status, body, lent);
    },
  };
}

function sizeOf(pieces: Pieces): number {
  return pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
}
