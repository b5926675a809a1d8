/**
 * The doors on Bun: HTTP/1.1 over its sockets. `Bun.serve` makes a Request, a Response, headers and
 * promises for each call: 15 % of the processor's time of a call in mode fast, 8 % in strict.
 */

import type { HttpRequest } from "../../base/http-request.ts";
import type { Listener, ListenOptions, Peer } from "../runtime.ts";
import { Connection, later, type Shared, sent, type Wire } from "./connection.ts";
import { ServedRequest } from "./request.ts";

/** The part of Bun that is used here. */
export type ListenSockets = (options: SocketOptions) => {
  readonly port: number;
  stop(now: boolean): void;
};

interface SocketOptions {
  readonly hostname?: string;
  readonly port?: number;
  readonly unix?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** No other process may bind the same port. */
  readonly exclusive: boolean;
  readonly socket: {
    open(socket: Socket): void;
    data(socket: Socket, chunk: Buffer): void;
    drain(socket: Socket): void;
    close(socket: Socket): void;
    error(socket: Socket): void;
  };
}

interface Socket extends Wire {
  /** undefined: what failed before it was open. */
  data: Connection | undefined;
}

export function serveHttp(options: ListenOptions, listen: ListenSockets): Listener {
  const { address, tls } = options;
  const open = new Set<Connection>();
  let emptied: (() => void) | undefined;
  const peer = peerOf();
  const unix = "path" in address;
  const shared: Shared & { ending: boolean; now: number } = {
    unix,
    bodyBytesMax: options.bodyBytesMax,
    // A unix socket's clients are of this machine, and keep theirs for long.
    idleMs: unix ? Number.POSITIVE_INFINITY : options.idleSeconds * 1000,
    ending: false,
    now: performance.now(),
    handle: (request) => options.handle(request, peer),
    malformed: options.malformed ?? malformed,
    wallMs: () => Date.now(),
    over(connection) {
      open.delete(connection);
      if (open.size === 0) emptied?.();
    },
  };
  const server = listen({
    ...("path" in address
      ? { unix: address.path }
      : { hostname: address.host, port: address.port }),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
    exclusive: true,
    socket: socketOf(shared, open),
  });
  const timer = setInterval(() => {
    shared.now = performance.now();
    for (const connection of open) connection.tick(shared.now);
  }, tickMs);
  return {
    port: server.port,
    async stop(now) {
      shared.ending = true;
      server.stop(false);
      for (const connection of [...open]) now ? connection.terminate() : connection.finish();
      if (open.size > 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        emptied = resolve;
        await promise;
      }
      clearInterval(timer);
    },
  };
}

const tickMs = 1000;

function malformed(status: number, why: string): Response {
  return new Response(`${why}\n`, { status });
}

function socketOf(shared: Shared, open: Set<Connection>): SocketOptions["socket"] {
  return {
    open(self) {
      const connection = new Connection(self, shared);
      self.data = connection;
      open.add(connection);
    },
    data: (self, chunk) => self.data?.data(chunk),
    drain: (self) => self.data?.drain(),
    close: (self) => self.data?.closed(),
    error: (self) => self.data?.terminate(),
  };
}

/** One for all requests of a door. */
function peerOf(): Peer {
  return {
    takesAtOnce: true,
    address: (request) => carrierOf(request).address,
    bytes(request) {
      const served = servedOf(request);
      return served.whole ?? served.bytes();
    },
    keepOpen(request) {
      servedOf(request).patient = true;
    },
    limitIdle(request) {
      servedOf(request).patient = false;
    },
    later: {
      answer: later,
      give: (request, answer) => carrierOf(request).give(servedOf(request), answer),
    },
    sendJson(request, pieces) {
      return carrierOf(request).sendJson(servedOf(request), pieces) ? sent : undefined;
    },
  };
}

function carrierOf(request: HttpRequest): ServedRequest["carrier"] {
  return servedOf(request).carrier;
}

function servedOf(request: HttpRequest): ServedRequest {
  if (request instanceof ServedRequest) return request;
  throw new TypeError("a request of another door");
}
