/** An HTTP/1.1 server over plain sockets. */

import type { Listener, ListenOptions, Peer } from "../runtime.ts";
import { Connection, sent, type Served, type ServedRequest, type Wire } from "./connection.ts";

interface Socket extends Wire {
  data: Connection;
}

type Listen = (options: unknown) => { readonly port: number; stop(now: boolean): void };

const tickMs = 1000;

export function serveHttp(options: ListenOptions, listen: Listen): Listener {
  const { address } = options;
  if ("path" in address) throw new Error("not a port");
  const open = new Set<Connection>();
  let finished: (() => void) | undefined;
  const peer = peerOf();
  const served: Served & { ending: boolean; now: number } = {
    bodyBytesMax: options.bodyBytesMax,
    idleMs: options.idleSeconds * 1000,
    ending: false,
    now: performance.now(),
    handle: (request) => options.handle(request as unknown as Request, peer),
    wallMs: () => Date.now(),
    over(connection) {
      open.delete(connection);
      if (served.ending && open.size === 0) finished?.();
    },
  };
  const socket = {
    open(self: Socket) {
      self.data = new Connection(self, served);
      open.add(self.data);
    },
    data: (self: Socket, chunk: Buffer) => self.data.data(chunk),
    drain: (self: Socket) => self.data.drain(),
    close: (self: Socket) => self.data.closed(),
    error: (self: Socket) => self.data.closed(),
  };
  const server = listen({ hostname: address.host, port: address.port, exclusive: true, socket });
  const timer = setInterval(() => {
    served.now = performance.now();
    for (const connection of open) connection.tick(served.now);
  }, tickMs);
  timer.unref?.();
  return {
    port: server.port,
    async stop(now) {
      served.ending = true;
      server.stop(false);
      for (const connection of [...open]) now ? connection.terminate() : connection.finish();
      if (open.size > 0) {
        await new Promise<void>((resolve) => {
          finished = resolve;
        });
      }
      clearInterval(timer);
    },
  };
}

function peerOf(): Peer {
  const of = (request: Request) => request as unknown as ServedRequest;
  return {
    takesAtOnce: true,
    address: (request) => of(request).connection.address,
    bytes(request) {
      const { whole } = of(request);
      return whole ?? of(request).bytes();
    },
    keepOpen(request) {
      of(request).patient = true;
    },
    limitIdle(request) {
      of(request).patient = false;
    },
    sendJson(request, pieces) {
      return of(request).connection.sendJson(of(request), pieces) ? sent : undefined;
    },
  };
}
