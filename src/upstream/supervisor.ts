/** One server: what may be sent to it now, and what `status` shows. */

import { disabledInConfig, serverDisabled } from "../base/disabled.ts";
import { asFault, fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import { createAttempts, type Transport } from "./attempts.ts";
import { careFor, withCare } from "./care.ts";
import type { Link, Sent } from "./link.ts";
import { listAll } from "./list.ts";
import type { Load } from "./load.ts";
import { withoutSecrets } from "./own-secrets.ts";
import { type Counted, Sending } from "./sending.ts";
import type { UpstreamOptions } from "./settings.ts";
import { createStates } from "./states.ts";
import { createSubscriptions } from "./subscriptions.ts";
import { nothingLost } from "./unattributed.ts";
import type {
  ServerHello,
  Upstream,
  UpstreamCall,
  UpstreamChange,
  UpstreamControl,
  UpstreamRequest,
  UpstreamSink,
  UpstreamState,
} from "./upstream.ts";

/** Ids 0 to 9 are the handshakes'. */
const firstId = 10;

/** One process or session of a server, kept alive. */
export interface Supervised extends Upstream, UpstreamControl {
  /** The link there is, or one attempt at once; rejects as `send` does. */
  reach(): Promise<Link>;
  /** As Link.stale. */
  isStale(): boolean;
  /** As Link.oneStream, of the last link there was. */
  isOneStream(): boolean;
  /** Disabled, or stopped with the gateway. */
  isOff(): boolean;
  /** Somebody disabled the server; undefined: nobody did. */
  disabled(): GatewayError | undefined;
}

/** One of several of a server. */
export interface FurtherOne {
  readonly name: string;
  readonly first: Supervised;
}

/** `load`: what counts its requests. `further`: undefined for the first of a server. */
export function supervise(
  options: UpstreamOptions,
  transport: Transport,
  load: Load,
  further?: FurtherOne,
): Supervised {
  const { config, clock, log } = options;
  const name = further?.name;
  const listeners: ((change: UpstreamChange) => void)[] = [];
  const hide = withoutSecrets(config.transport);
  const states = createStates(clock, "idle", () => tell({ kind: "state" }), hide);
  const stderr: string[] = [];
  let lastHello: ServerHello | undefined;
  let oneStream = transport.kind === "stdio";
  let nextId = firstId;
  const unattributed = { ...nothingLost };
  let watchedOn: Link | undefined;
  const subscriptions = createSubscriptions({
    ...{ server: config.id, clock, log, ask },
    changed: (uri) => tell({ kind: "updated", uri, params: { uri } }),
  });
  const attempts = createAttempts({
    ...options,
    transport,
    states,
    // What a call has to start first is given the time that it takes.
    reachMs: name === undefined ? limits.connectMs : limits.instanceStartMs,
    isFailing: () => breaker.isOpen,
    disabled,
    events: {
      listChanged: (method) => tell({ kind: "list", method }),
      updated: (uri, params) => tell({ kind: "updated", uri, params }),
      renewed: watchAgain,
      unattributed: (what) => {
        unattributed[what] += 1;
      },
      dropped: () => countDropped(options),
      stderr: keepLine,
    },
  });
  const care = careFor({
    ...{ options, states, attempts, send: ask },
    isIdle: () => load.inFlight === 0,
    // A question in flight would make it unclear what a server of one stream asks whom.
    isAsked: () => name === undefined || !oneStream,
  });
  const { breaker, health } = care;
  // One that a dry run of a reload opens, and closes unused, says nothing.
  let isSaid = false;
  const counted: Counted = { load, breaker, health, again };
  if (!config.enabled) states.enter("disabled", disabledInConfig);

  function ask(to: Link, request: UpstreamRequest, sink: UpstreamSink): Sent {
    return to.send(takeId(), request, sink);
  }

  /** One of several is closed without that: whoever waits there is told what the first one is. */
  function disabled(): GatewayError | undefined {
    if (further !== undefined) return further.first.disabled();
    return states.state === "disabled" ? serverDisabled(config.id, states) : undefined;
  }

  function watchAgain(): void {
    watchedOn = attempts.link();
    if (watchedOn !== undefined) void subscriptions.again(watchedOn);
  }

  function tell(change: UpstreamChange): void {
    if (change.kind === "state") {
      if (states.state === "ready" && attempts.link() !== watchedOn) watchAgain();
      if (states.state === "ready") care.ready();
      if (isSaid || !states.off) say();
    }
    for (const listener of listeners) listener(change);
  }

  function say(): void {
    const { state, cause } = states;
    const level = state === "backoff" || state === "crash-loop" ? "warn" : "info";
    const instance = name === undefined ? {} : { instance: name };
    isSaid = true;
    const about = name === undefined && isWorse.has(state) ? options.explain?.(state) : undefined;
    const fields = { server: config.id, ...instance, state, ...(cause && { cause }), ...about };
    log[level]("server state", fields);
  }

  function keepLine(line: string): void {
    stderr.push(printable(hide(line)));
    if (stderr.length > limits.childStderrLines) stderr.shift();
  }

  function hello(): ServerHello | undefined {
    lastHello = attempts.link()?.hello ?? lastHello;
    return lastHello;
  }

  function send(
    request: UpstreamRequest,
    sink: UpstreamSink,
  ): UpstreamCall | Promise<UpstreamCall> {
    const refusal = breaker.isOpen ? breaker.refusal() : undefined;
    if (refusal !== undefined) throw refusal;
    // It waited for a start, at another instance or the one before a reload.
    if (sink.over === true) throw endedUnsent();
    load.begin();
    const to = attempts.link();
    return to === undefined ? reachAndSend(request, sink) : transmit(to, request, sink);
  }

  async function reachAndSend(request: UpstreamRequest, sink: UpstreamSink): Promise<UpstreamCall> {
    let to: Link;
    try {
      to = await attempts.reach();
    } catch (error) {
      load.end();
      throw error;
    }
    if (sink.over === true) {
      load.end();
      throw endedUnsent();
    }
    return transmit(to, request, sink);
  }

  function transmit(to: Link, request: UpstreamRequest, sink: UpstreamSink): UpstreamCall {
    const sending = new Sending(counted, request, sink);
    try {
      sending.send(to, takeId());
    } catch (error) {
      load.end();
      throw error;
    }
    return sending;
  }

  /** U27: what provably never left is sent once more, over a connection made for it. */
  async function again(sending: Sending): Promise<void> {
    try {
      // Not over the connection that fails just now: it is told of that after its calls.
      await Promise.resolve();
      const to = await attempts.reach();
      if (!sending.over) sending.send(to, takeId());
    } catch (thrown) {
      sending.failed(asFault(thrown, `Cannot reach "${config.id}"`), false);
    }
  }

  function takeId(): number {
    const id = nextId;
    nextId += 1;
    return id;
  }

  return {
    reach: attempts.reach,
    isStale: () => attempts.link()?.stale === true,
    isOneStream() {
      oneStream = attempts.link()?.oneStream ?? oneStream;
      return oneStream;
    },
    isOff: () => states.off,
    disabled,
    id: config.id,
    status: () => ({
      state: states.state,
      sinceMs: states.sinceMs,
      cause: states.cause,
      nextAttemptMs: states.nextAttemptMs,
      inFlight: load.inFlight,
      pid: attempts.link()?.pid,
      stderr: [...stderr],
      transport: transport.kind,
      protocol: hello()?.protocol,
      unattributed: { ...unattributed },
    }),
    hello,
    send,
    async list(method) {
      const to = await attempts.reach();
      const { identity } = options;
      return listAll(
        {
          ...{ server: config.id, hello: to.hello, clock, identity },
          ask: (request, sink) => ask(to, request, sink),
        },
        method,
      );
    },
    async subscribe(uri) {
      await subscriptions.add(await attempts.reach(), uri);
    },
    unsubscribe: (uri) => subscriptions.remove(attempts.link(), uri),
    onChange: (listener) => void listeners.push(listener),
    start() {
      if (states.state === "idle") attempts.begin();
      else if (!isSaid) say();
    },
    ...withCare(attempts, care),
  };
}

function countDropped({ dropped, clock }: UpstreamOptions): void {
  if (dropped === undefined) return;
  dropped.count += 1;
  dropped.atMs = clock.now();
}

function endedUnsent() {
  return fault("GW_UPSTREAM_DOWN", { message: "The call ended before it could be sent" });
}

const isWorse: ReadonlySet<UpstreamState> = new Set([
  ...(["degraded", "backoff", "crash-loop", "disabled"] as const),
]);
