/** Keep-alive HTTP/1.1 connections to one server, the last used first. No redirects. */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { type Member, Roster } from "../base/roster.ts";
import type { Connection, DialOptions, Runtime } from "../runtime/runtime.ts";
import { createCame } from "./came.ts";
import { createHelpings, type Fed, type Helpings } from "./helpings.ts";
import { HttpError } from "./http-error.ts";
import type { Fields } from "./http-head.ts";
import { createResponseParser, type ResponseParser } from "./http-parser.ts";
import { type OutgoingRequest, sendRequest } from "./http-request.ts";

export interface HttpPool {
  /** Nothing is ever sent twice (U27). */
  send(request: OutgoingRequest, on: ExchangeEvents): Exchange;
  /** Resolves when the server accepts a connection, which is kept; rejects as dial does. */
  probe(): Promise<void>;
  /** Cuts all connections; what is in flight fails. */
  close(): void;
}

export interface ExchangeEvents {
  head(status: number, fields: Fields, length: number | undefined): void;
  body(chunk: Uint8Array): void;
  /** The response is complete. */
  end(): void;
  /** Instead of end. `sent`: bytes of the request may have reached the server. */
  failed(error: Error, sent: boolean): void;
}

export interface Exchange {
  /** Cuts the connection unless the response is complete; no event follows. */
  abort(): void;
  /** So many bytes were too many: after some of them it is not read for a while (U18). */
  rest(bytes: number, ms?: number): void;
}

export interface PoolOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly port: number;
  readonly tls: { readonly serverName: string; readonly ca?: string } | undefined;
  /** Addresses that may be dialled, checked anew for each connection. */
  addresses(): Promise<readonly string[]>;
}

interface Wire extends Fed, Member {
  connection: Connection | undefined;
  readonly parser: ResponseParser;
  job: Job | undefined;
  idleFrom: number;
  idleMs: number;
  gone: boolean;
}

/** An object of functions a call would cost more than the call's own work here. */
class Job implements Exchange {
  readonly request: OutgoingRequest;
  readonly on: ExchangeEvents;
  readonly #drop: (wire: Wire) => void;
  readonly #rest: Helpings<Wire>["rest"];
  sent = false;
  aborted = false;
  wire: Wire | undefined;

  constructor(
    request: OutgoingRequest,
    on: ExchangeEvents,
    drop: (wire: Wire) => void,
    rest: Helpings<Wire>["rest"],
  ) {
    this.request = request;
    this.on = on;
    this.#drop = drop;
    this.#rest = rest;
  }

  abort(): void {
    this.aborted = true;
    if (this.wire !== undefined) this.#drop(this.wire);
  }

  rest(bytes: number, ms?: number): void {
    if (this.wire !== undefined) this.#rest(this.wire, bytes, ms);
  }
}

export function createHttpPool(options: PoolOptions): HttpPool {
  const { clock } = options;
  const helpings = createHelpings<Wire>({
    ...{ clock, parse, lose },
    isBusy: ({ job }) => job !== undefined,
  });
  const idle: Wire[] = [];
  const busy = new Roster<Wire>();
  const came = createCame(busy, helpings.feed);
  const polls = createPolls(polled, came.feed);
  let stopSweep: (() => void) | undefined;
  let closed = false;

  function send(request: OutgoingRequest, on: ExchangeEvents): Exchange {
    const job = new Job(request, on, drop, helpings.rest);
    start(job);
    return job;
  }

  function start(job: Job): void {
    // A wire that holds bytes which nobody asked for must not be taken.
    came.feed();
    const wire = idle.pop();
    if (wire === undefined) {
      open(job);
      return;
    }
    claim(wire, job);
    // The server may have closed it, however short ago: what the kernel knows of that comes first.
    polls.add(job);
  }

  function polled(job: Job): void {
    const { wire } = job;
    if (job.aborted) return;
    if (wire === undefined) start(job);
    else write(wire, job);
  }

  function claim(wire: Wire, job: Job): void {
    wire.job = job;
    job.wire = wire;
    busy.add(wire);
  }

  function write(wire: Wire, job: Job): void {
    job.sent = true;
    wire.parser.expect();
    if (wire.connection !== undefined) sendRequest(job.request, wire.connection);
  }

  function open(job: Job): void {
    const wire = newWire();
    dial(wire).then(
      () => {
        if (job.aborted || closed) park(wire);
        else {
          claim(wire, job);
          write(wire, job);
          return;
        }
        if (!job.aborted) job.on.failed(new HttpError("the gateway is stopping"), false);
      },
      (error: Error) => {
        if (!job.aborted) job.on.failed(error, false);
      },
    );
  }

  async function dial(wire: Wire): Promise<void> {
    wire.connection = await dialOne(options, {
      data: (chunk) => came.add(wire, chunk),
      drain: () => undefined,
      close(error) {
        came.feed();
        lose(wire, error);
      },
    });
  }

  function newWire(): Wire {
    const wire: Wire = {
      place: 0,
      connection: undefined,
      job: undefined,
      idleFrom: 0,
      idleMs: limits.upstreamIdleMs,
      gone: false,
      resting: false,
      crowded: 0,
      held: undefined,
      closing: undefined,
      parser: createResponseParser({
        head(status, fields, length) {
          const alive = fields.get("keep-alive");
          if (alive !== undefined) wire.idleMs = idleTime(alive);
          wire.job?.on.head(status, fields, length);
        },
        body: (chunk) => wire.job?.on.body(chunk),
        end(reusable) {
          // Aborted while this chunk was being read.
          if (wire.gone) return;
          const { job } = wire;
          wire.crowded = 0;
          wire.job = undefined;
          if (job !== undefined) job.wire = undefined;
          if (reusable) park(wire);
          else drop(wire);
          if (job?.aborted === false) job.on.end();
        },
      }),
    };
    return wire;
  }

  function parse(wire: Wire, chunk: Uint8Array): void {
    if (wire.gone) return;
    try {
      wire.parser.push(chunk);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      fail(wire, error);
    }
  }

  /** The connection closed by itself. */
  function lose(wire: Wire, error: Error | undefined): void {
    if (wire.gone) return;
    if (helpings.holds(wire, error)) return;
    try {
      wire.parser.closed();
      drop(wire);
    } catch (broken) {
      if (!(broken instanceof HttpError)) throw broken;
      fail(wire, error ?? broken);
    }
  }

  function fail(wire: Wire, error: Error): void {
    const { job } = wire;
    drop(wire);
    if (job === undefined || job.aborted) return;
    // Claimed but not written to yet: `start` goes on with another connection.
    if (job.sent) job.on.failed(error, true);
  }

  function drop(wire: Wire): void {
    if (wire.gone) return;
    wire.gone = true;
    busy.delete(wire);
    const at = idle.indexOf(wire);
    if (at >= 0) idle.splice(at, 1);
    if (wire.job !== undefined) wire.job.wire = undefined;
    wire.job = undefined;
    wire.connection?.destroy();
  }

  function park(wire: Wire): void {
    busy.delete(wire);
    if (closed || wire.idleMs <= 0 || idle.length >= limits.upstreamIdleConnections) {
      drop(wire);
      return;
    }
    wire.idleFrom = clock.mono();
    idle.push(wire);
    stopSweep ??= clock.after(sweepMs, sweep);
  }

  function sweep(): void {
    const now = clock.mono();
    for (const wire of [...idle]) if (now - wire.idleFrom >= wire.idleMs) drop(wire);
    stopSweep = idle.length > 0 ? clock.after(sweepMs, sweep) : undefined;
  }

  return {
    send,
    async probe() {
      const wire = newWire();
      await dial(wire);
      park(wire);
    },
    close() {
      closed = true;
      stopSweep?.();
      for (const wire of [...idle]) drop(wire);
      for (const wire of [...busy]) fail(wire, new HttpError("the gateway closed the connection"));
    },
  };
}

/** The first of the addresses that takes a connection. */
async function dialOne(options: PoolOptions, on: DialOptions["on"]): Promise<Connection> {
  const { runtime, port, tls } = options;
  const { connectMs: timeoutMs } = limits;
  let last: unknown;
  for (const host of await options.addresses()) {
    try {
      return await runtime.dial({ host, port, timeoutMs, ...(tls && { tls }), on });
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/**
 * Hands each job on after the loop has looked at its sockets: Bun runs the first immediate before
 * that, and the second one after. Jobs of one turn share both.
 */
function createPolls(polled: (job: Job) => void, before: () => void): { add(job: Job): void } {
  let coming: Job[] = [];
  const second = (jobs: readonly Job[]): void => {
    before();
    for (const job of jobs) polled(job);
  };
  const first = (): void => {
    const jobs = coming;
    coming = [];
    setImmediate(second, jobs);
  };
  return {
    add(job) {
      if (coming.push(job) === 1) setImmediate(first);
    },
  };
}

const sweepMs = 500;

/** `timeout=5` of a Keep-Alive field: a second less, so that the server does not close first. */
function idleTime(field: string): number {
  const at = field.indexOf("timeout=");
  const seconds = at < 0 ? Number.NaN : Number.parseInt(field.slice(at + 8), 10);
  if (Number.isNaN(seconds)) return limits.upstreamIdleMs;
  return Math.min(limits.upstreamIdleMs, (seconds - 1) * 1000);
}
