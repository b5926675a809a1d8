/** One server: what may be sent to it now, and what `status` shows. */

import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import { createAttempts, type Transport } from "./attempts.ts";
import type { Link } from "./link.ts";
import { listAll } from "./list.ts";
import type { UpstreamOptions } from "./settings.ts";
import { createStates } from "./states.ts";
import type {
  ServerHello,
  Upstream,
  UpstreamCall,
  UpstreamChange,
  UpstreamControl,
  UpstreamRequest,
  UpstreamSink,
} from "./upstream.ts";

/** Ids 0 to 9 are the handshakes'. */
const firstId = 10;

export function supervise(
  options: UpstreamOptions,
  transport: Transport,
): Upstream & UpstreamControl {
  const { config, clock, log } = options;
  const listeners: ((change: UpstreamChange) => void)[] = [];
  const states = createStates(clock, "idle", () => tell({ kind: "state" }));
  const stderr: string[] = [];
  let lastHello: ServerHello | undefined;
  let nextId = firstId;
  let inFlight = 0;
  const attempts = createAttempts({
    ...options,
    transport,
    states,
    events: { listChanged: (method) => tell({ kind: "list", method }), stderr: keepLine },
  });
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

  function keepLine(line: string): void {
    stderr.push(printable(line));
    if (stderr.length > limits.childStderrLines) stderr.shift();
  }

  function hello(): ServerHello | undefined {
    lastHello = attempts.link()?.hello ?? lastHello;
    return lastHello;
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
      const to = attempts.link() ?? (await attempts.reach());
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
      pid: attempts.link()?.pid,
      stderr: [...stderr],
      transport: transport.kind,
      protocol: hello()?.protocol,
    }),
    hello,
    send,
    async list(method) {
      const to = await attempts.reach();
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
      if (states.state === "idle") attempts.begin();
    },
    stop: attempts.stop,
    retry: attempts.retry,
    restart: attempts.restart,
    disable: attempts.disable,
    enable: attempts.enable,
  };
}
