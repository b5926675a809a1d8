/** Sends one decided call to its server and waits for the end: an answer, a failure, a cancel. */

import { asFault, type GatewayError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Item } from "../catalog/catalog.ts";
import type { Policy } from "../policy/model.ts";
import type { ClientCapabilities } from "../protocol/capabilities.ts";
import type { Era, Pieces, StrictBody } from "../protocol/message.ts";
import { paramHeaderFields } from "../protocol/param-headers.ts";
import { capabilitiesFor } from "../protocol/translate/capabilities.ts";
import { type Again, outgoingParams } from "../protocol/translate/params.ts";
import type {
  Origin,
  ServerRequest,
  UpstreamCall,
  UpstreamRequest,
  UpstreamSink,
} from "../upstream/upstream.ts";
import { answered, type Forwarded, type Untimed } from "./answer.ts";
import type { LiveCall } from "./board.ts";
import { askClient, goOn, isBridged, passAnswer } from "./bridge/bridge.ts";
import type { Leg } from "./bridge/leg.ts";
import type { Park } from "./bridge/park.ts";
import { tellUrlsDone } from "./bridge/rounds.ts";
import type { Opened } from "./bridge/state.ts";
import type { Watched } from "./deadlines.ts";
import type { Asked, Incoming, Reply } from "./incoming.ts";
import { createLateNote, type LateNote } from "./late-note.ts";
import type { DecidedCall } from "./method.ts";
import { noteFor } from "./notes.ts";
import type { CallPorts } from "./ports.ts";
import { lateAnswer, notReached, queuedTooLong, timeoutError } from "./time-limit.ts";

/** Told the end of a call, once. */
export interface WhoWaits {
  ended(end: Forwarded): void;
}

/**
 * `waiting` is told the end of the call, whatever it is; perhaps before this returns. `state`: what
 * a modern client's request goes on from; undefined: from nothing.
 */
export function forward(
  incoming: Incoming,
  reply: Reply,
  decided: DecidedCall,
  item: Item,
  policy: Policy,
  state: Opened | undefined,
  ports: CallPorts,
  live: LiveCall,
  waiting: WhoWaits,
): void {
  const call = new ForwardedCall(incoming, reply, decided, item, policy, ports, live, waiting);
  live.deadline = ports.deadlines.watch(call);
  live.timeout = item.timeout;
  live.atServer = call;
  // The client may have taken it back while the intent was being written.
  if (live.cancelled !== undefined) call.end({ kind: "cancelled" });
  else if (state === undefined) call.send();
  else goOn(call, state);
}

/**
 * One call at its server: the request, what is told of it, and its deadline. One object, as this is
 * the data path: with closures for each event a call took 3 kB more.
 */
class ForwardedCall implements UpstreamRequest, UpstreamSink, Watched, Origin, Leg {
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
  extended = false;
  readonly item: Item;
  readonly policy: Policy;
  readonly ports: CallPorts;
  readonly live: LiveCall;
  incoming: Incoming;
  reply: Reply;
  rounds = 0;
  urls: readonly string[] = noUrls;
  readonly task: DecidedCall["task"];
  /** A legacy server asks its modern client. */
  park: Park | undefined;
  over = false;
  readonly call: DecidedCall;
  readonly #waiting: WhoWaits;
  lateAt = 0;
  place = 0;
  readonly #began: number;
  #sent: UpstreamCall | undefined;
  #again: Again | undefined;
  #open: Set<Asked> | undefined;
  #late: LateNote | undefined;
  /** Questions that wait for the client, since when, and how long others did. */
  #asking = 0;
  #askedAt = 0;
  #clientMs = 0;

  constructor(
    incoming: Incoming,
    reply: Reply,
    call: DecidedCall,
    item: Item,
    policy: Policy,
    ports: CallPorts,
    live: LiveCall,
    waiting: WhoWaits,
  ) {
    const { message, identity, session, capabilities, logLevel } = incoming;
    const now = live.sentAt;
    this.method = message.method;
    this.name = mirrored(call, item);
    this.task = call.task;
    this.headers = paramHeaderFields(item.paramHeaders, message.params);
    this.keyId = identity.keyId;
    this.session = session;
    this.capabilities = capabilities;
    this.logLevel = logLevel;
    this.idleAt = now + item.timeout.idleMs;
    this.maxAt = now + item.timeout.maxMs;
    this.incoming = incoming;
    this.reply = reply;
    this.item = item;
    this.policy = policy;
    this.ports = ports;
    this.live = live;
    this.call = call;
    this.#waiting = waiting;
    this.#began = now;
  }

  get bytes(): number {
    return this.incoming.message.body.bytes.length;
  }

  get open(): Set<Asked> {
    this.#open ??= new Set();
    return this.#open;
  }

  send(): void {
    let sent: UpstreamCall | Promise<UpstreamCall>;
    try {
      sent = this.item.upstream.send(this, this);
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

  resend(again: Again): void {
    this.#again = again;
    this.#sent = undefined;
    this.idleAt = this.ports.clock.mono() + this.item.timeout.idleMs;
    this.send();
  }

  /** From the upstream: the era of the connection is known now. */
  params(id: number, era: Era): Pieces {
    this.live.serverEra = era;
    this.live.unwritten += 1;
    if (this.live.stage === "queue") this.#dequeued();
    const { message, era: from } = this.incoming;
    const { replaced, argsBytes } = this.call;
    const isNamed = replaced === undefined && this.name !== undefined;
    const head = isNamed ? this.item.paramsHead : undefined;
    // Of a method with a name the arguments are what is recorded.
    const args = head === undefined ? message.body.part("arguments", "params") : argsBytes;
    const modern = era === "modern";
    return outgoingParams(message, {
      head,
      args,
      replaced,
      id,
      era,
      from,
      again: this.#again,
      logLevel: modern ? this.logLevel : undefined,
      // What a legacy server was told at its `initialize`.
      capabilitiesText: modern ? capabilitiesFor(this.capabilities.text, from) : "{}",
      clientInfoText: modern ? this.#infoText() : "{}",
    });
  }

  written(): void {
    this.live.unwritten -= 1;
  }

  notification(method: string, params: JsonObject): void {
    if (this.#asking === 0) this.idleAt = this.ports.clock.mono() + this.item.timeout.idleMs;
    this.live.progress += 1;
    if (this.over) return;
    this.lateAt = 0;
    const message = noteFor(method, params, this, this.live.serverEra ?? "legacy");
    if (message !== undefined) this.reply.notify(message);
  }

  /** A sign of life all the same. */
  crowded(bytes: Uint8Array | undefined): void {
    const now = this.ports.clock.mono();
    if (this.#asking === 0) this.idleAt = now + this.item.timeout.idleMs;
    this.live.dropped += 1;
    if (this.over || bytes === undefined || bytes.length > limits.noteBytes) return;
    this.#late ??= createLateNote();
    this.#late.keep(bytes);
    this.lateAt = now + limits.lateNoteMs;
  }

  /** No other came after it for a while, or the call is over: that far it was. */
  tellLate(): void {
    this.lateAt = 0;
    const note = this.over ? undefined : this.#late?.read();
    if (note !== undefined) this.notification(note.method, note.params);
  }

  request(asked: ServerRequest): void {
    if (this.over) asked.error(-32603, "The call is over");
    else askClient(this, asked);
  }

  response(message: StrictBody): void {
    if (this.lateAt !== 0) this.tellLate();
    const era = this.live.serverEra ?? "legacy";
    if (this.urls.length > 0) tellUrlsDone(this);
    if (isBridged(this, message, era)) passAnswer(this, message, era);
    else this.end(answered(message, era));
  }

  failed(error: GatewayError, mayHaveRun: boolean): void {
    this.end({ kind: "failed", error, mayHaveRun });
  }

  toClient(): void {
    this.#asking += 1;
    if (this.#asking > 1 || this.over) return;
    this.#askedAt = this.ports.clock.mono();
    this.live.askedAt = this.#askedAt;
    this.live.stage = "client";
    this.idleAt = this.#askedAt + limits.clientAnswerMs;
  }

  toServer(): void {
    this.#asking -= 1;
    if (this.#asking > 0 || this.over) return;
    const now = this.ports.clock.mono();
    this.#clientMs += now - this.#askedAt;
    this.live.stage = "server";
    this.idleAt = now + this.item.timeout.idleMs;
  }

  expired(which: "idle" | "max"): void {
    const waitsFor = this.#sent?.waitsFor;
    if (waitsFor !== undefined) {
      const error = queuedTooLong(this.item, which, waitsFor);
      this.giveUp(error.message, { kind: "failed", error, mayHaveRun: this.rounds > 0 });
      return;
    }
    if (this.rounds === 0 && (this.#sent === undefined || this.live.stage === "queue")) {
      const error = notReached(this.item, which);
      this.giveUp(error.message, { kind: "failed", error, mayHaveRun: false });
      return;
    }
    if (which === "idle" && this.#asking > 0) {
      this.fail(lateAnswer(this.item));
      return;
    }
    const now = this.ports.clock.mono();
    const tookMs = this.extended ? now - this.#began : undefined;
    this.fail(timeoutError(this.item, which, tookMs, this.live.queuedMs));
  }

  fail(error: GatewayError): void {
    this.giveUp(error.message, { kind: "failed", error, mayHaveRun: true });
  }

  takeBack(reason: string): void {
    this.giveUp(reason, { kind: "cancelled" });
  }

  giveUp(reason: string, result: Untimed): void {
    // A server that has answered knows better what became of it.
    const held = this.park?.close();
    const late = result.kind === "failed" && result.error.code.startsWith("GW_TIMEOUT_");
    if (held === undefined) this.#sent?.cancel(reason, late);
    this.end(held ?? result);
  }

  end(result: Untimed): void {
    if (this.over || this.park?.holds(result) === true) return;
    this.over = true;
    const { clock, deadlines } = this.ports;
    const now = clock.mono();
    deadlines.clear(this);
    this.live.deadline = undefined;
    this.live.atServer = undefined;
    if (this.#asking > 0) this.#clientMs += now - this.#askedAt;
    if (this.live.stage === "queue") this.#dequeued();
    this.park?.close();
    for (const question of this.#open ?? noQuestions) question.cancel("the call is over");
    const end = result as Forwarded & { serverMs: number };
    end.serverMs = now - this.#began - this.#clientMs - this.live.queuedMs;
    this.#waiting.ended(end);
  }

  /** Who calls; where a legacy client did not say, ourselves (3, tools/call). */
  #infoText(): string {
    const { client, era } = this.incoming;
    if (era === "modern" || client.name === "") return this.ports.clientInfoText;
    return JSON.stringify({ name: client.name, version: client.version });
  }

  #taken(call: UpstreamCall): void {
    this.#sent = call;
    if (!this.over && call.waitsFor !== undefined) this.#queued();
    if (this.over) call.cancel("the gateway has given up on this call");
  }

  #queued(): void {
    this.live.queuedAt = this.ports.clock.mono();
    this.live.stage = "queue";
  }

  #dequeued(): void {
    this.live.queuedMs += this.ports.clock.mono() - this.live.queuedAt;
    this.live.stage = "server";
  }

  #notSent(thrown: unknown): void {
    const error = asFault(thrown, `Cannot call "${this.item.target}"`);
    // A server that asked before may have done a part of it.
    this.end({ kind: "failed", error, mayHaveRun: this.rounds > 0 });
  }
}

/** What Mcp-Name says; completion/complete has none. */
function mirrored(call: DecidedCall, item: Item): string | undefined {
  if (call.task !== undefined) return call.task.id;
  return call.replaced?.key === "ref" || call.method.unnamed === true ? undefined : item.name;
}

const noUrls: readonly string[] = [];
const noQuestions: readonly Asked[] = [];
