/**
 * One server whose process or session is exchanged while it is used: what comes goes to the new
 * one as soon as that is ready, what is in flight ends where it began, and then the old one is
 * stopped.
 */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type {
  Handover,
  InstanceStatus,
  ServerHello,
  Upstream,
  UpstreamCall,
  UpstreamChange,
  UpstreamControl,
  UpstreamRequest,
  UpstreamSink,
  UpstreamState,
  UpstreamStatus,
} from "./upstream.ts";

export type Member = Upstream & UpstreamControl;

export interface Swappable extends Member {
  /**
   * Starts `next`, which takes over when it is ready, at the latest after limits.handoverMs, and at
   * once where the one before is of no use or `next` is disabled: it will never be ready.
   */
  swap(next: Member): Swap;
}

export interface Swap {
  /** It has taken over; false: it never will, as a newer one came. */
  readonly over: Promise<boolean>;
  /** It is up, is disabled, or its first attempt has failed; or it never will take over. */
  readonly tried: Promise<void>;
}

export interface SwapEvents {
  /** What is to take over is in another state, and does not. */
  waits(): void;
  /** Another one answers from now on; told before the new state is. */
  taken(): void;
}

interface Taking {
  readonly member: Member;
  readonly begunMs: number;
  /** Why it failed last. */
  failed: string | undefined;
  /** It takes over now. */
  take(): void;
  /** It never will. */
  drop(): void;
}

export function openSwappable(first: Member, clock: Clock, events?: SwapEvents): Swappable {
  const { id } = first;
  const listeners: ((change: UpstreamChange) => void)[] = [];
  const watched = new Set<string>();
  const draining = new Set<Member>();
  let current = first;
  let next: Taking | undefined;
  let lastHello: ServerHello | undefined;
  listen(first);

  function listen(member: Member): void {
    member.onChange((change) => {
      if (member === current) tell(change);
      else if (member === next?.member && change.kind === "state") look(next);
    });
  }

  function look(mine: Taking): void {
    if (isSettled(mine.member)) {
      mine.take();
      return;
    }
    const { state, cause } = mine.member.status();
    // One that is tried again has not forgotten why it was not up.
    if (hasFailed(state)) mine.failed = cause;
    events?.waits();
  }

  function tell(change: UpstreamChange): void {
    for (const listener of listeners) listener(change);
  }

  function takeOver(member: Member): void {
    const old = current;
    lastHello = old.hello() ?? lastHello;
    current = member;
    for (const uri of watched) {
      // It is no worse off than after a reconnect: who watches is told by the next change.
      member.subscribe(uri).catch(() => undefined);
    }
    drain(old);
    events?.taken();
    tell({ kind: "state" });
  }

  /** Calls have deadlines of their own; who hangs on for longer is ended. */
  function drain(old: Member): void {
    draining.add(old);
    if (draining.size > limits.drainingPerServer) {
      const [oldest] = draining;
      if (oldest !== undefined) end(oldest);
    }
    const until = clock.mono() + limits.serverDrainMs;
    const look = () => {
      if (!draining.has(old)) return;
      const { inFlight, queued = 0 } = old.status();
      if (inFlight + queued === 0 || clock.mono() >= until) end(old);
      else clock.after(limits.drainLookMs, look);
    };
    // Not at once: a call that is about to be sent there has not been counted yet.
    clock.after(limits.drainLookMs, look);
  }

  function end(old: Member): void {
    draining.delete(old);
    void old.stop(replaced).catch(() => undefined);
  }

  /** Nothing was sent where it rejects: then the one that took over meanwhile is asked. */
  async function again<T>(run: (member: Member) => T | Promise<T>): Promise<T> {
    const asked = current;
    try {
      return await run(asked);
    } catch (thrown) {
      if (current === asked) throw thrown;
      return run(current);
    }
  }

  function send(
    request: UpstreamRequest,
    sink: UpstreamSink,
  ): UpstreamCall | Promise<UpstreamCall> {
    const asked = current;
    const sent = asked.send(request, sink);
    return sent instanceof Promise ? orAgain(sent, asked, request, sink) : sent;
  }

  /** On its own: what a closure holds would be kept for each call that needs none. */
  async function orAgain(
    sent: Promise<UpstreamCall>,
    asked: Member,
    request: UpstreamRequest,
    sink: UpstreamSink,
  ): Promise<UpstreamCall> {
    try {
      return await sent;
    } catch (thrown) {
      if (current === asked) throw thrown;
      return current.send(request, sink);
    }
  }

  function status(): UpstreamStatus {
    const own = current.status();
    const now = next === undefined ? own : { ...own, handover: handoverOf(next) };
    if (draining.size === 0) return now;
    const old = [...draining].map(drainingStatus);
    const inFlight = old.reduce((sum, one) => sum + one.inFlight, now.inFlight);
    return { ...now, inFlight, instances: [...(now.instances ?? []), ...old] };
  }

  const each = async (run: (member: Member) => Promise<void>) => {
    await Promise.all([run(current), ...(next === undefined ? [] : [run(next.member)])]);
  };
  return {
    id,
    status,
    send,
    hello: () => current.hello() ?? lastHello,
    meet: (client) => current.meet?.(client),
    list: (method) => again((member) => member.list(method)),
    async subscribe(uri) {
      watched.add(uri);
      try {
        await again((member) => member.subscribe(uri));
      } catch (thrown) {
        watched.delete(uri);
        throw thrown;
      }
    },
    unsubscribe(uri) {
      watched.delete(uri);
      current.unsubscribe(uri);
    },
    onChange: (listener) => void listeners.push(listener),
    start: () => current.start(),
    async stop(cause) {
      const all = [...draining, current, ...(next === undefined ? [] : [next.member])];
      draining.clear();
      const waiting = next;
      next = undefined;
      waiting?.drop();
      await Promise.all(all.map((member) => member.stop(cause)));
    },
    retry() {
      next?.member.retry();
      current.retry();
    },
    restart: () => each((member) => member.restart()),
    disable: (cause) => each((member) => member.disable(cause)),
    enable: () => each((member) => member.enable()),
    swap(member) {
      const over = Promise.withResolvers<boolean>();
      const tried = whenTried(member);
      const mine: Taking = {
        ...{ member, begunMs: clock.now(), failed: undefined },
        take() {
          if (next !== mine) return;
          stopWaiting();
          next = undefined;
          takeOver(member);
          over.resolve(true);
        },
        drop() {
          stopWaiting();
          void member.stop(replaced).catch(() => undefined);
          over.resolve(false);
          tried.resolve();
        },
      };
      const stopWaiting = clock.after(limits.handoverMs, mine.take);
      const before = next;
      next = mine;
      before?.drop();
      listen(member);
      member.start();
      if (!isUp(current) || isSettled(member)) mine.take();
      tried.look();
      return { over: over.promise, tried: tried.promise };
    },
  };
}

const replaced = "replaced by a reload";

/** Its calls have somewhere to go. */
function isUp(member: Member): boolean {
  const { state } = member.status();
  return state === "ready" || state === "degraded";
}

/** Nothing of it is to be waited for. */
function isSettled(member: Member): boolean {
  return isUp(member) || member.status().state === "disabled";
}

function hasFailed(state: UpstreamState): boolean {
  return state === "backoff" || state === "crash-loop";
}

function whenTried(member: Member) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => {
    const { state } = member.status();
    if (state !== "idle" && state !== "starting") resolve();
  };
  member.onChange(look);
  return { promise, resolve, look };
}

function handoverOf({ member, begunMs, failed }: Taking): Handover {
  const { state, sinceMs, cause = failed, nextAttemptMs, stderr } = member.status();
  const untilMs = begunMs + limits.handoverMs;
  return { state, sinceMs, cause, nextAttemptMs, stderr, begunMs, untilMs };
}

function drainingStatus(member: Member): InstanceStatus {
  const { state, cause, pid, inFlight } = member.status();
  return { name: "calls from before a reload", state, cause, pid, inFlight, waiting: 0 };
}
