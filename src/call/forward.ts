/** Sends one decided call to its server and waits for the end: an answer, a failure, a cancel. */

import { asFault, fault, type GatewayError } from "../base/errors.ts";
import { isObject, type JsonObject, member } from "../base/json.ts";
import type { Item } from "../catalog/catalog.ts";
import type { ClientCapabilities } from "../protocol/capabilities.ts";
import type { Era, Pieces, StrictBody } from "../protocol/message.ts";
import { encodeMirror } from "../protocol/mirror.ts";
import { capabilitiesFor } from "../protocol/translate/capabilities.ts";
import { outgoingParams } from "../protocol/translate/params.ts";
import type { Outcome } from "../receipt/model.ts";
import type {
  Origin,
  ServerRequest,
  UpstreamCall,
  UpstreamRequest,
  UpstreamSink,
} from "../upstream/upstream.ts";
import type { LiveCall } from "./board.ts";
import type { Watched } from "./deadlines.ts";
import type { Incoming, Reply } from "./incoming.ts";
import type { DecidedCall } from "./method.ts";
import { noteFor } from "./notes.ts";
import type { CallPorts } from "./ports.ts";

export type Forwarded =
  | {
      readonly kind: "result";
      readonly outcome: Extract<Outcome, "ok" | "tool_error" | "upstream_error">;
      readonly message: StrictBody;
      readonly era: Era;
      /** The bytes of `result` or `error` as they came. */
      readonly bytes: Uint8Array;
      readonly serverMs: number;
    }
  | {
      readonly kind: "failed";
      readonly error: GatewayError;
      readonly mayHaveRun: boolean;
      readonly serverMs: number;
    }
  | { readonly kind: "cancelled"; readonly serverMs: number };

/** Resolves with the end of the call, whatever it is; never rejects. */
export function forward(
  incoming: Incoming,
  reply: Reply,
  decided: DecidedCall,
  item: Item,
  ports: CallPorts,
  live: LiveCall,
): Promise<Forwarded> {
  return new Promise((resolve) => {
    const call = new ForwardedCall(incoming, reply, decided, item, ports, live, resolve);
    live.deadline = ports.deadlines.watch(call);
    live.timeout = item.timeout;
    live.abort = (reason) => call.giveUp(reason, { kind: "cancelled" });
    // The client may have taken it back while the intent was being written.
    if (live.cancelled === undefined) call.send();
    else call.end({ kind: "cancelled" });
  });
}

/**
 * One call at its server: the request, what is told of it, and its deadline. One object, as this is
 * the data path: with closures for each event a call took 3 kB more.
 */
class ForwardedCall implements UpstreamRequest, UpstreamSink, Watched, Origin {
  readonly method: string;
  readonly name: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
  /** Itself: the request and whose it is are one object. */
  readonly origin: Origin = this;
  readonly keyId: string;
  readonly session: string;
  readonly capabilities: ClientCapabilities;
  readonly logLevel: string | undefined;
  idleAt: number;
  maxAt: number;
  readonly idleMs: number;
  extended = false;
  readonly #incoming: Incoming;
  readonly #reply: Reply;
  readonly #call: DecidedCall;
  readonly #item: Item;
  readonly #ports: CallPorts;
  readonly #live: LiveCall;
  readonly #resolve: (end: Forwarded) => void;
  readonly #began: number;
  #sent: UpstreamCall | undefined;
  #over = false;

  constructor(
    incoming: Incoming,
    reply: Reply,
    call: DecidedCall,
    item: Item,
    ports: CallPorts,
    live: LiveCall,
    resolve: (end: Forwarded) => void,
  ) {
    const { message, identity, session, capabilities, logLevel } = incoming;
    const { idleMs, maxMs } = item.timeout;
    const now = ports.clock.mono();
    this.method = message.method;
    this.name = call.ref === undefined ? item.name : undefined;
    this.headers = paramHeaders(item, message.params);
    this.keyId = identity.keyId;
    this.session = session;
    this.capabilities = capabilities;
    this.logLevel = logLevel;
    this.idleAt = now + idleMs;
    this.maxAt = now + maxMs;
    this.idleMs = idleMs;
    this.#incoming = incoming;
    this.#reply = reply;
    this.#call = call;
    this.#item = item;
    this.#ports = ports;
    this.#live = live;
    this.#resolve = resolve;
    this.#began = now;
  }

  send(): void {
    let sent: UpstreamCall | Promise<UpstreamCall>;
    try {
      sent = this.#item.upstream.send(this, this);
    } catch (thrown) {
      this.#notSent(thrown);
      return;
    }
    if (!(sent instanceof Promise)) this.#taken(sent);
    else {
      sent.then(
        (call) => this.#taken(call),
        (thrown) => this.#notSent(thrown),
      );
    }
  }

  /** From the upstream: the era of the connection is known now. */
  params(id: number, era: Era): Pieces {
    this.#live.serverEra = era;
    const { message, era: from } = this.#incoming;
    const name = this.#item.kind === "resource" ? undefined : this.name;
    if (era === "legacy") {
      const out = { name, ref: this.#call.ref, id, era, from, ...unsaid };
      return outgoingParams(message, out).params;
    }
    return outgoingParams(message, {
      ...{ name, ref: this.#call.ref, id, era, from, logLevel: this.logLevel },
      capabilitiesText: capabilitiesFor(this.capabilities.text, from),
      clientInfoText: this.#infoText(),
    }).params;
  }

  notification(method: string, params: JsonObject): void {
    this.idleAt = this.#ports.clock.mono() + this.idleMs;
    this.#live.progress += 1;
    if (this.#over) return;
    const message = noteFor(method, params, this.#incoming, this.#live.serverEra ?? "legacy");
    if (message !== undefined) this.#reply.notify(message);
  }

  request(asked: ServerRequest): void {
    asked.error(-32601, "Method not found");
  }

  response(message: StrictBody): void {
    this.end(answered(message, this.#live.serverEra ?? "legacy"));
  }

  failed(error: GatewayError, mayHaveRun: boolean): void {
    this.end({ kind: "failed", error, mayHaveRun });
  }

  expired(which: "idle" | "max"): void {
    const now = this.#ports.clock.mono();
    const tookMs = this.extended ? now - this.#began : undefined;
    const error = timeoutError(this.#item, which, tookMs);
    this.giveUp(error.message, { kind: "failed", error, mayHaveRun: true });
  }

  giveUp(reason: string, result: Untimed): void {
    this.#sent?.cancel(reason);
    this.end(result);
  }

  end(result: Untimed): void {
    if (this.#over) return;
    this.#over = true;
    const { clock, deadlines } = this.#ports;
    deadlines.clear(this);
    this.#live.deadline = undefined;
    this.#live.abort = undefined;
    const end = result as Forwarded & { serverMs: number };
    end.serverMs = clock.mono() - this.#began;
    this.#resolve(end);
  }

  /** Who calls; where a legacy client did not say, ourselves (3, tools/call). */
  #infoText(): string {
    const { client, era } = this.#incoming;
    if (era === "modern" || client.name === "") return this.#ports.clientInfoText;
    return JSON.stringify({ name: client.name, version: client.version });
  }

  #taken(call: UpstreamCall): void {
    this.#sent = call;
    if (this.#over) call.cancel("the gateway has given up on this call");
  }

  #notSent(thrown: unknown): void {
    const error = asFault(thrown, `Cannot call "${this.#item.target}"`);
    this.end({ kind: "failed", error, mayHaveRun: false });
  }
}

type Untimed = Forwarded extends infer F
  ? F extends Forwarded
    ? Omit<F, "serverMs">
    : never
  : never;

/** What a legacy server was told at its `initialize`. */
const unsaid = { capabilitiesText: "{}", clientInfoText: "{}" };

const noHeaders: readonly (readonly [string, string])[] = [];

/** Mcp-Param headers from the arguments that are sent, by the server's own schema. */
function paramHeaders(tool: Item, params: JsonObject): readonly (readonly [string, string])[] {
  if (tool.paramHeaders.length === 0) return noHeaders;
  const found: (readonly [string, string])[] = [];
  for (const { name, path } of tool.paramHeaders) {
    let value: unknown = member(params, "arguments");
    for (const key of path) value = isObject(value) ? member(value, key) : undefined;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      found.push([`Mcp-Param-${name}`, encodeMirror(value)]);
    }
  }
  return found;
}

function answered(message: StrictBody, era: Era): Untimed {
  const error = message.span("error");
  const span = error ?? message.span("result");
  if (span === undefined) {
    return {
      kind: "failed",
      mayHaveRun: true,
      error: fault("GW_UPSTREAM_ERROR", { message: "The answer has neither result nor error" }),
    };
  }
  const bytes = message.bytes.subarray(span[0], span[1]);
  if (error !== undefined)
    return { kind: "result", outcome: "upstream_error", message, era, bytes };
  const result = member(message.value, "result");
  const failed = isObject(result) && member(result, "isError") === true;
  return { kind: "result", outcome: failed ? "tool_error" : "ok", message, era, bytes };
}

/** `extendedMs`: how long it had in all, where an operator gave it more than the setting. */
function timeoutError(
  tool: Item,
  which: "idle" | "max",
  extendedMs: number | undefined,
): GatewayError {
  const { idleMs, maxMs, setting } = tool.timeout;
  const ms = which === "idle" ? idleMs : maxMs;
  const name = `${setting}.${which}`;
  const had = extendedMs === undefined ? ms / 1000 : Math.round(extendedMs / 100) / 10;
  const idle = which === "idle" && extendedMs === undefined;
  const what = idle ? "gave no sign of life for" : "was not done after";
  const more = extendedMs === undefined ? "" : ", extended by an operator";
  return fault(which === "idle" ? "GW_TIMEOUT_IDLE" : "GW_TIMEOUT_MAX", {
    message: `"${tool.target}" ${what} ${had} s`,
    cause: `${name} is ${ms / 1000} s${more}; the call may have run`,
    fix: `raise ${name} in the config, or make the tool faster`,
    data: { setting: name, limit_ms: ms },
  });
}
