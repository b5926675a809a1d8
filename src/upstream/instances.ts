/**
 * A server and its further processes or sessions. A legacy server is told once, in `initialize`,
 * what clients can be asked, so clients that differ in it need one each (`instance`). The first,
 * which offers nothing, answers lists and calls of clients that cannot be asked. A modern server
 * is told on each request, and needs no other.
 */

import { limits } from "../base/limits.ts";
import { createPool, type PoolOptions } from "./instance-pool.ts";
import { createLoad } from "./load.ts";
import { createQueue } from "./queue.ts";
import type { UpstreamOptions } from "./settings.ts";
import { supervise } from "./supervisor.ts";
import { sumOf } from "./unattributed.ts";
import type {
  Origin,
  Upstream,
  UpstreamCall,
  UpstreamChange,
  UpstreamControl,
  UpstreamRequest,
  UpstreamSink,
  UpstreamStatus,
} from "./upstream.ts";

export function openInstances(
  given: UpstreamOptions,
  make: PoolOptions["make"],
): Upstream & UpstreamControl {
  const dropped = { count: 0, atMs: 0 };
  const options = { ...given, dropped };
  const { config } = options;
  const listeners: ((change: UpstreamChange) => void)[] = [];
  const load = createLoad(config, undefined, () => queue.freed());
  const queue = createQueue({ config, load, send: route });
  const first = supervise(options, make(undefined), load);
  const pool = createPool({ ...options, make, first, load, changed });
  const shared = config.instance === "shared";
  let shown: string | undefined;

  function send(
    request: UpstreamRequest,
    sink: UpstreamSink,
  ): UpstreamCall | Promise<UpstreamCall> {
    if (first.hello() === undefined && !isForFirst(request.origin)) {
      return reachAndSend(request, sink);
    }
    return queue.hasRoom() ? route(request, sink) : queue.add(request, sink);
  }

  async function reachAndSend(request: UpstreamRequest, sink: UpstreamSink): Promise<UpstreamCall> {
    await first.reach();
    return send(request, sink);
  }

  function isForFirst(origin: Origin | undefined): boolean {
    return origin === undefined || (shared && !origin.capabilities.asks);
  }

  function route(
    request: UpstreamRequest,
    sink: UpstreamSink,
  ): UpstreamCall | Promise<UpstreamCall> {
    const { origin } = request;
    const apart = !isForFirst(origin) && first.hello()?.era !== "modern" && !first.isOff();
    if (origin === undefined || !apart) return first.send(request, sink);
    return pool.of(origin).send(request, sink);
  }

  function status(): UpstreamStatus {
    const own = first.status();
    const ailing = own.state === "ready" ? pool.ailing() : undefined;
    return {
      ...own,
      ...(ailing === undefined ? {} : { state: "degraded", cause: ailing }),
      queued: queue.size,
      stderr: [...own.stderr, ...pool.stderr()].slice(-limits.childStderrLines),
      instances: pool.statuses(),
      unattributed: sumOf([own.unattributed, pool.unattributed()]),
      dropped: { ...dropped },
    };
  }

  function tell(change: UpstreamChange): void {
    for (const listener of listeners) listener(change);
  }

  /** Of a further instance: its state is told where it changes what the whole server shows. */
  function changed(change: UpstreamChange): void {
    if (change.kind !== "state") {
      tell(change);
      return;
    }
    const { state, cause = "" } = status();
    const text = `${state} ${cause}`;
    if (text === shown || first.status().state !== "ready") return;
    shown = text;
    tell(change);
  }

  first.onChange((change) => {
    if (change.kind === "state") {
      const { state, cause = "" } = status();
      shown = `${state} ${cause}`;
    }
    tell(change);
  });
  return {
    ...first,
    send,
    status,
    list: async (method) => pool.merge(method, await first.list(method)),
    meet(origin) {
      const hello = first.hello();
      if (origin.capabilities.asks && hello?.era === "legacy" && !first.isOff()) pool.meet(origin);
    },
    onChange: (listener) => void listeners.push(listener),
    async stop(cause = "the gateway is stopping") {
      const closing = pool.close(cause);
      // Sessions are ended over connections that end with the first.
      if (config.transport.kind === "http") await closing;
      await Promise.all([closing, first.stop(cause)]);
    },
    retry() {
      first.retry();
      pool.retry();
    },
    async restart() {
      await Promise.all([pool.close("restarted by an operator"), first.restart()]);
    },
    async disable(cause) {
      // In this order: whoever waits for the others is told why.
      await Promise.all([first.disable(cause), pool.close(cause)]);
    },
  };
}
