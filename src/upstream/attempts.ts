/** Gets a server connected and connected again: attempts, waits, probes. */

import { fault, GatewayError, tellsWhy } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { printable } from "../base/printable.ts";
import { backoffMs } from "./backoff.ts";
import { createControl } from "./control.ts";
import { listKinds } from "./handshake.ts";
import { type Connect, ConnectError, type Link, type LinkEvents } from "./link.ts";
import type { UpstreamOptions } from "./settings.ts";
import type { StateKeeper } from "./states.ts";
import type { UpstreamControl } from "./upstream.ts";

export interface Transport {
  readonly kind: "http" | "stdio";
  readonly connect: Connect;
  /** Resolves when somebody listens at the address again; undefined where that means nothing. */
  readonly probe: (() => Promise<void>) | undefined;
  /** Ends an attempt that is going on; undefined where that ends soon by itself. */
  readonly abort?: () => Promise<void>;
  /** Lets go of what outlives links, and ends an attempt that is going on. */
  close(): Promise<void>;
}

export interface Attempts extends UpstreamControl {
  /** The link there is. */
  link(): Link | undefined;
  /** That, or one attempt at once; rejects with GW_UPSTREAM_DOWN or GW_SERVER_DISABLED. */
  reach(): Promise<Link>;
  /** Begins an attempt. */
  begin(): void;
  /** The link is of no use: it is ended, and another one made after a while. */
  drop(cause: string): void;
  /** As LinkEvents.ailing. */
  ail(cause: string | undefined): void;
  /** Ends the link, waits for an attempt that is going on, and makes no other. */
  stop(cause?: string): Promise<void>;
}

export interface AttemptsOptions extends UpstreamOptions {
  readonly transport: Transport;
  readonly states: StateKeeper;
  /** How long `reach` waits for an attempt, which goes on after it. */
  readonly reachMs: number;
  readonly events: Omit<LinkEvents, "ailing" | "lost">;
  /** Somebody disabled the server; undefined: nobody did. */
  disabled(): GatewayError | undefined;
  /** Calls are refused: what single ones tell is no news. */
  isFailing(): boolean;
}

const minuteMs = 60_000;

export function createAttempts(options: AttemptsOptions): Attempts {
  const { clock, random, states, transport } = options;
  const starts: number[] = [];
  let link: Link | undefined;
  /** What a person ends has not failed. */
  let ending = false;
  let attempt: Promise<Link> | undefined;
  let cancelTimer: () => void = () => undefined;
  let failures = 0;
  let stopping = false;

  /** One attempt at a time, whoever wants it. */
  function connect(): Promise<Link> {
    return attempt ?? attemptBy(tryOnce());
  }

  function attemptBy(making: Promise<Link>): Promise<Link> {
    const own = making.finally(() => {
      if (attempt === own) attempt = undefined;
    });
    attempt = own;
    return own;
  }

  /** An attempt that nobody waits for: its failure is in the state. */
  function begin(): void {
    void connect().catch(() => undefined);
  }

  async function tryOnce(): Promise<Link> {
    cancelTimer();
    const full = crashLoop();
    if (full !== undefined) throw full;
    states.enter("starting");
    let made: Link | undefined;
    let lostEarly: string | undefined;
    try {
      made = await transport.connect({
        ...options.events,
        begun: () => void starts.push(clock.mono()),
        ailing: (cause) => ail(cause),
        lost(cause) {
          if (made === undefined) lostEarly = cause;
          else if (link === made) lose(cause);
        },
      });
    } catch (error) {
      const refused = error instanceof ConnectError && error.refused;
      if (!ending) wait(error instanceof Error ? error.message : String(error), refused);
      throw error;
    }
    if (states.off) {
      void made.close();
      throw new ConnectError("the gateway is stopping");
    }
    link = made;
    failures = 0;
    states.enter("ready");
    if (lostEarly !== undefined) lose(lostEarly);
    return made;
  }

  /** R13: a child that keeps dying is left alone for a while. */
  function crashLoop(): ConnectError | undefined {
    if (transport.kind !== "stdio") return undefined;
    const now = clock.mono();
    while (starts.length > 0 && now - (starts[0] as number) >= minuteMs) starts.shift();
    if (starts.length < limits.childStartsPerMinute) return undefined;
    const ms = minuteMs - (now - (starts[0] as number));
    const cause = `started ${starts.length} times within a minute; last: ${states.cause ?? ""}`;
    if (states.state !== "crash-loop") states.enter("crash-loop", cause, clock.now() + ms);
    later(ms, begin);
    return new ConnectError(cause);
  }

  function lose(cause: string): void {
    link = undefined;
    if (!states.off) wait(cause, false);
  }

  function wait(cause: string, refused: boolean): void {
    if (states.off) return;
    failures += 1;
    const ms =
      refused && transport.probe !== undefined ? limits.tcpProbeMs : backoffMs(failures, random);
    states.enter("backoff", printable(cause), clock.now() + ms);
    later(ms, refused ? probe : begin);
  }

  /** While nobody listens, a bare connection is cheaper than a handshake for both sides. */
  function probe(): void {
    if (transport.probe === undefined) {
      begin();
      return;
    }
    // A call may have got through meanwhile.
    const waiting = () => states.state === "backoff" && attempt === undefined;
    transport.probe().then(
      () => {
        if (waiting()) begin();
      },
      () => {
        if (!waiting()) return;
        states.enter("backoff", states.cause, clock.now() + limits.tcpProbeMs);
        later(limits.tcpProbeMs, probe);
      },
    );
  }

  function later(ms: number, run: () => void): void {
    cancelTimer();
    cancelTimer = clock.after(ms, run);
  }

  function ail(cause: string | undefined): void {
    if (options.isFailing()) return;
    if (cause === undefined && states.state === "degraded") states.enter("ready");
    if (cause !== undefined && states.state === "ready") states.enter("degraded", printable(cause));
  }

  /** The link there is, or one attempt at once (never while crash-looping). */
  async function reach(): Promise<Link> {
    if (link !== undefined) return link;
    const down = (cause: string) => unreachable(options.config.id, cause);
    const disabled = options.disabled();
    if (disabled !== undefined) throw disabled;
    if (states.off) throw down(states.cause ?? "it is stopped");
    if (states.state === "crash-loop") throw down(states.cause ?? "it keeps ending");
    try {
      const late = () => down(`it is still starting after ${options.reachMs} ms`);
      return await within(connect(), options.reachMs, clock, late);
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      throw down(error instanceof Error ? error.message : String(error));
    }
  }

  /** What a person did counts as no failure: nothing waits, no start is too many. */
  function forgive(): void {
    cancelTimer();
    failures = 0;
    starts.length = 0;
  }

  /** Ends the link and the attempt there are; what the attempt made meanwhile too. */
  async function close(running: Promise<Link> | undefined): Promise<void> {
    const old = link;
    link = undefined;
    await old?.close();
    if (running === undefined) return;
    ending = true;
    await Promise.allSettled([transport.abort?.(), running]);
    ending = false;
    const late = link as Link | undefined;
    link = undefined;
    await late?.close();
  }

  const control = createControl({
    ...{ id: options.config.id, states, forgive, begin, close },
    link: () => link,
    attempt: () => attempt,
    canAbort: transport.abort !== undefined,
    isStopping: () => stopping,
    relist() {
      for (const kind of listKinds) options.events.listChanged(`${kind}/list`);
    },
    startAfter(closing) {
      const again = closing.then(() => {
        if (states.off) throw new ConnectError(`it is ${states.state}`);
        return tryOnce();
      });
      attemptBy(again).catch(() => undefined);
    },
  });
  return {
    link: () => link,
    reach,
    begin,
    ail,
    drop(cause) {
      const old = link;
      if (old === undefined) return;
      lose(cause);
      void old.close().catch(() => undefined);
    },
    ...control,
    async stop(cause = "the gateway is stopping") {
      stopping = true;
      cancelTimer();
      const live = link;
      link = undefined;
      if (!states.off) states.enter("stopped", cause);
      await live?.close();
      await transport.close();
      await attempt?.catch(() => undefined);
    },
  };
}

function unreachable(id: string, cause: string): GatewayError {
  const message = `Cannot reach "${id}"`;
  return fault("GW_UPSTREAM_DOWN", { message, cause: printable(cause), fix: tellsWhy(id) });
}

function within<T>(promise: Promise<T>, ms: number, clock: Clock, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = clock.after(ms, () => reject(late()));
    promise.then(resolve, reject).finally(stop);
  });
}
