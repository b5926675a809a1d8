/** Keeps one server connected: attempts, waits, limits, and what `status` shows. */

import { fault, GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import { backoffMs } from "./backoff.ts";
import { type Connect, ConnectError, type Link } from "./link.ts";
import { listAll } from "./list.ts";
import type { UpstreamOptions } from "./settings.ts";
import { createStates } from "./states.ts";
import type {
  ServerHello,
  Upstream,
  UpstreamCall,
  UpstreamChange,
  UpstreamRequest,
  UpstreamSink,
} from "./upstream.ts";

export interface Transport {
  readonly kind: "http" | "stdio";
  readonly connect: Connect;
  /** Resolves when somebody listens at the address again; undefined where that means nothing. */
  readonly probe: (() => Promise<void>) | undefined;
  /** Lets go of what outlives links. */
  close(): void;
}

/** Ids 0 to 9 are the handshakes'. */
const firstId = 10;

export function supervise(options: UpstreamOptions, transport: Transport): Upstream {
  const { config, clock, random, log } = options;
  const listeners: ((change: UpstreamChange) => void)[] = [];
  const states = createStates(clock, "idle", () => tell({ kind: "state" }));
  const stderr: string[] = [];
  const starts: number[] = [];
  let link: Link | undefined;
  let hello: ServerHello | undefined;
  let attempt: Promise<Link> | undefined;
  let cancelTimer: () => void = () => undefined;
  let failures = 0;
  let nextId = firstId;
  let inFlight = 0;
  if (!config.enabled)
    states.enter("disabled", "`enabled: false` or `disabled: true` in the config");

  function tell(change: UpstreamChange): void {
    if (change.kind === "state") {
      const { state, cause } = states;
      const level = state === "backoff" || state === "crash-loop" ? "warn" : "info";
      log[level]("server state", { server: config.id, state, ...(cause && { cause }) });
    }
    for (const listener of listeners) listener(change);
  }

  /** One attempt at a time, whoever wants it. */
  function connect(): Promise<Link> {
    attempt ??= tryOnce().finally(() => {
      attempt = undefined;
    });
    return attempt;
  }

  async function tryOnce(): Promise<Link> {
    cancelTimer();
    const full = crashLoop();
    if (full !== undefined) throw full;
    states.enter("starting");
    starts.push(clock.mono());
    let made: Link | undefined;
    let lostEarly: string | undefined;
    try {
      made = await transport.connect({
        listChanged: (method) => tell({ kind: "list", method }),
        ailing: (cause) => ail(cause),
        stderr: (line) => keepLine(line),
        lost(cause) {
          if (made === undefined) lostEarly = cause;
          else if (link === made) lose(cause);
        },
      });
    } catch (error) {
      const refused = error instanceof ConnectError && error.refused;
      wait(error instanceof Error ? error.message : String(error), refused);
      throw error;
    }
    if (states.state === "disabled") {
      void made.close();
      throw new ConnectError("the gateway is stopping");
    }
    link = made;
    hello = made.hello;
    failures = 0;
    states.enter("ready");
    if (lostEarly !== undefined) lose(lostEarly);
    return made;
  }

  /** R13: a child that keeps dying is left alone for a while. */
  function crashLoop(): ConnectError | undefined {
    if (transport.kind !== "stdio") return undefined;
    const now = clock.mono();
    while (starts.length > 0 && now - (starts[0] as number) > 60_000) starts.shift();
    if (starts.length < limits.childStartsPerMinute) return undefined;
    const ms = 60_000 - (now - (starts[0] as number));
    const cause = `started ${starts.length} times within a minute; last: ${states.cause ?? ""}`;
    if (states.state !== "crash-loop") states.enter("crash-loop", cause, clock.now() + ms);
    later(ms, () => void connect().catch(() => undefined));
    return new ConnectError(cause);
  }

  function lose(cause: string): void {
    link = undefined;
    if (states.state !== "disabled") wait(cause, false);
  }

  function wait(cause: string, refused: boolean): void {
    if (states.state === "disabled") return;
    failures += 1;
    const ms =
      refused && transport.probe !== undefined ? limits.tcpProbeMs : backoffMs(failures, random);
    states.enter("backoff", printable(cause), clock.now() + ms);
    later(ms, refused ? probe : () => void connect().catch(() => undefined));
  }

  /** While nobody listens, a bare connection is cheaper than a handshake for both sides. */
  function probe(): void {
    if (transport.probe === undefined) {
      void connect().catch(() => undefined);
      return;
    }
    transport.probe().then(
      () => void connect().catch(() => undefined),
      () => {
        if (states.state === "backoff") later(limits.tcpProbeMs, probe);
      },
    );
  }

  function later(ms: number, run: () => void): void {
    cancelTimer();
    cancelTimer = clock.after(ms, run);
  }

  function ail(cause: string | undefined): void {
    if (cause === undefined && states.state === "degraded") states.enter("ready");
    if (cause !== undefined && states.state === "ready") states.enter("degraded", printable(cause));
  }

  function keepLine(line: string): void {
    stderr.push(printable(line));
    if (stderr.length > limits.childStderrLines) stderr.shift();
  }

  /** The link there is, or one attempt at once (never while crash-looping). */
  async function reach(): Promise<Link> {
    if (link !== undefined) return link;
    if (states.state === "disabled") throw down(states.cause ?? "it is disabled");
    if (states.state === "crash-loop") throw down(states.cause ?? "it keeps ending");
    try {
      return await within(connect(), limits.connectMs);
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      throw down(error instanceof Error ? error.message : String(error));
    }
  }

  function within<T>(promise: Promise<T>, ms: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = clock.after(ms, () => reject(down(`it is still starting after ${ms} ms`)));
      promise.then(resolve, reject).finally(stop);
    });
  }

  function down(cause: string): GatewayError {
    return fault("GW_UPSTREAM_DOWN", {
      message: `Cannot reach "${config.id}"`,
      cause: printable(cause),
    });
  }

  async function send(request: UpstreamRequest, sink: UpstreamSink): Promise<UpstreamCall> {
    if (inFlight >= config.maxInFlight) {
      throw fault("GW_UPSTREAM_BUSY", {
        message: `"${config.id}" has ${inFlight} calls in flight`,
        cause: `max_in_flight is ${config.maxInFlight}`,
      });
    }
    inFlight += 1;
    try {
      const to = link ?? (await reach());
      return transmit(to, request, sink);
    } catch (error) {
      inFlight -= 1;
      throw error;
    }
  }

  function transmit(to: Link, request: UpstreamRequest, sink: UpstreamSink): UpstreamCall {
    let over = false;
    const end = () => {
      over = true;
      inFlight -= 1;
    };
    const { era } = to.hello;
    const id = nextId;
    nextId += 1;
    const sent = to.send(id, request, {
      notification(method, params) {
        if (!over) sink.notification(method, params);
      },
      response(message) {
        if (over) return;
        end();
        sink.response(message);
      },
      failed(error, mayHaveRun) {
        if (over) return;
        end();
        sink.failed(error, mayHaveRun);
      },
    });
    return {
      era,
      cancel(reason) {
        if (over) return;
        end();
        sent.cancel(reason);
      },
    };
  }

  return {
    id: config.id,
    status: () => ({
      state: states.state,
      sinceMs: states.sinceMs,
      cause: states.cause,
      nextAttemptMs: states.nextAttemptMs,
      inFlight,
      pid: link?.pid,
      stderr: [...stderr],
      transport: transport.kind,
      protocol: (link?.hello ?? hello)?.protocol,
    }),
    hello: () => link?.hello ?? hello,
    send,
    async list(method) {
      const to = await reach();
      const ask = (request: UpstreamRequest, sink: UpstreamSink) => {
        const id = nextId;
        nextId += 1;
        return to.send(id, request, sink);
      };
      return listAll(
        { server: config.id, hello: to.hello, clock, identity: options.identity, ask },
        method,
      );
    },
    onChange: (listener) => void listeners.push(listener),
    start() {
      if (states.state === "idle") void connect().catch(() => undefined);
    },
    async stop() {
      cancelTimer();
      const live = link;
      link = undefined;
      if (states.state !== "disabled") states.enter("disabled", "the gateway is stopping");
      await attempt?.catch(() => undefined);
      await live?.close();
      transport.close();
    },
  };
}
