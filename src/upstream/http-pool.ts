/** Keep-alive HTTP/1.1 connections to one server, the last used first. No redirects. */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { type Member, Roster } from "../base/roster.ts";
import type { Connection } from "../runtime/runtime.ts";
import { createCame } from "./came.ts";
import { createHelpings, type Fed } from "./helpings.ts";
import { createDialler, type DiallerOptions, gatewayStops } from "./http-dial.ts";
import { HttpError } from "./http-error.ts";
import type { Carrier, Exchange } from "./http-exchange.ts";
import { createResponseParser, type ResponseParser } from "./http-parser.ts";
import { sendRequest } from "./http-request.ts";

export interface HttpPool {
  /** Nothing is ever sent twice (U27). */
  send(exchange: Exchange): void;
  /** Resolves when the server accepts a connection, which is kept; rejects as dial does. */
  probe(): Promise<void>;
  /** Cuts all connections; what is in flight fails. */
  close(): void;
}

export interface PoolOptions extends DiallerOptions {
  readonly clock: Clock;
}

interface Wire extends Fed, Member, Carrier {
  connection: Connection | undefined;
  readonly parser: ResponseParser;
  exchange: Exchange | undefined;
  idleFrom: number;
  idleMs: number;
  gone: boolean;
}

export function createHttpPool(options: PoolOptions): HttpPool {
  const { clock } = options;
  const helpings = createHelpings<Wire>({
    ...{ clock, parse, lose },
    isBusy: ({ exchange }) => exchange !== undefined,
  });
  const idle: Wire[] = [];
  const busy = new Roster<Wire>();
  const came = createCame(busy, helpings.feed);
  const polls = createPolls(polled, came.feed);
  const dialler = createDialler(options);
  let stopSweep: (() => void) | undefined;
  let closed = false;

  function send(exchange: Exchange): void {
    // A wire that holds bytes which nobody asked for must not be taken.
    came.feed();
    const wire = idle.pop();
    if (wire === undefined) {
      open(exchange);
      return;
    }
    claim(wire, exchange);
    // The server may have closed it, however short ago: what the kernel knows of that comes first.
    polls.add(exchange);
  }

  function polled(exchange: Exchange): void {
    if (exchange.aborted) return;
    if (exchange.carrier === undefined) send(exchange);
    else exchange.carrier.write();
  }

  function claim(wire: Wire, exchange: Exchange): void {
    wire.exchange = exchange;
    exchange.carrier = wire;
    busy.add(wire);
  }

  function write({ connection, parser, exchange }: Wire): void {
    if (exchange === undefined || connection === undefined) return;
    exchange.sent = true;
    parser.expect();
    sendRequest(exchange.request, connection);
  }

  function open(exchange: Exchange): void {
    const wire = newWire();
    dial(wire).then(
      () => {
        if (exchange.aborted || closed) park(wire);
        else {
          claim(wire, exchange);
          write(wire);
          return;
        }
        if (!exchange.aborted) exchange.failed(gatewayStops(), false);
      },
      (error: Error) => {
        if (!exchange.aborted) exchange.failed(error, false);
      },
    );
  }

  async function dial(wire: Wire): Promise<void> {
    wire.connection = await dialler.dial({
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
      write: () => write(wire),
      drop: () => drop(wire),
      rest: (bytes, ms) => helpings.rest(wire, bytes, ms),
      exchange: undefined,
      idleFrom: 0,
      idleMs: limits.upstreamIdleMs,
      gone: false,
      resting: false,
      crowded: 0,
      fed: 0,
      held: undefined,
      closing: undefined,
      parser: createResponseParser({
        head(status, fields, length) {
          const alive = fields.get("keep-alive");
          if (alive !== undefined) wire.idleMs = idleTime(alive);
          wire.exchange?.head(status, fields, length);
        },
        body: (chunk) => wire.exchange?.body(chunk),
        end(reusable) {
          // Aborted while this chunk was being read.
          if (wire.gone) return;
          const { exchange } = wire;
          wire.crowded = 0;
          wire.fed = 0;
          wire.exchange = undefined;
          if (exchange !== undefined) exchange.carrier = undefined;
          // Answered before all of the request was taken: the next would stand behind its rest.
          if (reusable && wire.connection?.hasSent() === true) park(wire);
          else drop(wire);
          if (exchange?.aborted === false) exchange.end();
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
    const { exchange } = wire;
    drop(wire);
    if (exchange === undefined || exchange.aborted) return;
    // Claimed but not written to yet: `send` goes on with another connection.
    if (exchange.sent) exchange.failed(error, true);
  }

  function drop(wire: Wire): void {
    if (wire.gone) return;
    wire.gone = true;
    busy.delete(wire);
    const at = idle.indexOf(wire);
    if (at >= 0) idle.splice(at, 1);
    if (wire.exchange !== undefined) wire.exchange.carrier = undefined;
    wire.exchange = undefined;
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
      dialler.end();
      for (const wire of [...idle]) drop(wire);
      for (const wire of [...busy]) fail(wire, new HttpError("the gateway closed the connection"));
    },
  };
}

/**
 * Hands each on after the loop has looked at its sockets: Bun runs the first immediate before that,
 * and the second one after. Those of one turn share both; one that throws takes no other along.
 */
function createPolls(
  polled: (exchange: Exchange) => void,
  before: () => void,
): { add(exchange: Exchange): void } {
  let coming: Exchange[] = [];
  let going: Exchange[] = [];
  let next = 0;
  const second = (): void => {
    try {
      before();
      while (next < going.length) {
        next += 1;
        polled(going[next - 1] as Exchange);
      }
    } finally {
      if (next < going.length) setImmediate(second);
      else next = going.length = 0;
    }
  };
  /** Two lists in turns: the one is always empty again when the other is full. */
  const first = (): void => {
    if (going.length > 0) {
      setImmediate(first);
      return;
    }
    const empty = going;
    going = coming;
    coming = empty;
    setImmediate(second);
  };
  return {
    add(exchange) {
      if (coming.push(exchange) === 1) setImmediate(first);
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
