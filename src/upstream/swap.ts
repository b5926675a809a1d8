/**
 * One server whose process or session is exchanged while it is used: what comes goes to the new
 * one as soon as that is ready, what is in flight ends where it began, and then the old one is
 * stopped.
 */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type {
  InstanceStatus,
  ServerHello,
  Upstream,
  UpstreamCall,
  UpstreamChange,
  UpstreamControl,
  UpstreamRequest,
  UpstreamSink,
  UpstreamStatus,
} from "./upstream.ts";

export type Member = Upstream & UpstreamControl;

export interface Swappable extends Member {
  /**
   * Starts `next`, which takes over when it is ready, at the latest after limits.handoverMs, and at
   * once where the one before is of no use or `next` is disabled: it will never be ready. Resolves
   * when it has; false: it never will, as a newer one came.
   */
  swap(next: Member): Promise<boolean>;
}

interface Taking {
  readonly member: Member;
  /** It takes over now. */
  take(): void;
  /** It never will. */
  drop(): void;
}

export function openSwappable(first: Member, clock: Clock): Swappable {
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
      else if (member === next?.member && isSettled(member)) next.take();
    });
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
    const now = current.status();
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
      next?.drop();
      next = undefined;
      await Promise.all(all.map((member) => member.stop(cause)));
    },
    retry() {
      next?.member.retry();
      current.retry();
    },
    restart: () => each((member) => member.restart()),
    disable: (cause) => each((member) => member.disable(cause)),
    enable: () => each((member) => member.enable()),
    async swap(member) {
      const over = Promise.withResolvers<boolean>();
      const mine: Taking = {
        member,
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
        },
      };
      const stopWaiting = clock.after(limits.handoverMs, mine.take);
      next?.drop();
      next = mine;
      listen(member);
      member.start();
      if (!isUp(current) || isSettled(member)) mine.take();
      return over.promise;
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

function drainingStatus(member: Member): InstanceStatus {
  const { state, cause, pid, inFlight } = member.status();
  return { name: "calls from before a reload", state, cause, pid, inFlight, waiting: 0 };
}
