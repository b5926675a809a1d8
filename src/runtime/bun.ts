/** Bun: the runtime of the compiled binary. */

import { spawnChild } from "./child.ts";
import type { Connection, DialOptions, Listener, ListenOptions, Peer, Runtime } from "./runtime.ts";
import { serveHttp } from "./http/serve.ts";
import { createSendQueue } from "./send-queue.ts";
import { linuxSys } from "./sys-bun.ts";

const bun = (globalThis as unknown as { Bun: BunGlobal }).Bun;

export const bunRuntime: Runtime = {
  name: "bun",
  version: bun.version,
  listen,
  dial,
  spawn: spawnChild,
  sys: linuxSys(),
};

async function listen(options: ListenOptions): Promise<Listener> {
  if (options.tls === undefined && !("path" in options.address)) return serveHttp(options, bun.listen);
  const unix = "path" in options.address;
  // One for all requests.
  let peer: Peer | undefined;
  const server = bun.serve({
    ...("path" in options.address
      ? { unix: options.address.path }
      : {
          hostname: options.address.host,
          port: options.address.port,
          idleTimeout: options.idleSeconds,
        }),
    ...(options.tls === undefined ? {} : { tls: { ...options.tls } }),
    maxRequestBodySize: options.bodyBytesMax,
    development: false,
    // Without this, `development: false` lets a second process bind the same port.
    reusePort: false,
    fetch(request, at) {
      peer ??= peerOf(at, unix ? undefined : options.idleSeconds);
      return options.handle(request, peer);
    },
    // The handler answers its own faults; what still arrives here must not show its text.
    error: () => new Response("internal error\n", { status: 500 }),
  });
  return { port: server.port ?? 0, stop: (now) => server.stop(now) };
}

/** `idleSeconds`: undefined on a unix socket. */
function peerOf(server: BunServer, idleSeconds: number | undefined): Peer {
  return {
    takesAtOnce: true,
    address(request) {
      if (idleSeconds === undefined) return "unix";
      return server.requestIP(request)?.address ?? "";
    },
    bytes(request) {
      const bytes = request.bytes();
      return bun.peek.status(bytes) === "fulfilled" ? bun.peek(bytes) : bytes;
    },
    keepOpen: (request) => server.timeout(request, 0),
    limitIdle(request) {
      if (idleSeconds !== undefined) server.timeout(request, idleSeconds);
    },
  };
}

function dial(options: DialOptions): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let state: "opening" | "open" | "over" = "opening";
    let socket: BunSocket | undefined;
    let cause: Error | undefined;

    function refuse(error: Error): void {
      if (state !== "opening") return;
      state = "over";
      clearTimeout(timer);
      socket?.terminate();
      reject(error);
    }
    function accept(): void {
      if (state !== "opening") return;
      state = "open";
      clearTimeout(timer);
      resolve(connection);
    }
    function over(error: Error | undefined): void {
      refuse(error ?? coded("ECONNRESET", "the connection was closed while it was opened"));
      if (state !== "open") return;
      state = "over";
      options.on.close(error);
    }

    const timer = setTimeout(
      () => refuse(coded("ETIMEDOUT", `no connection within ${options.timeoutMs} ms`)),
      options.timeoutMs,
    );
    const queue = createSendQueue(
      (chunk, start, length) => socket?.write(chunk, start, length) ?? 0,
    );
    const connection: Connection = {
      takesAtOnce: true,
      write: (chunk) => (state === "open" ? queue.write(chunk) : false),
      lend: (memory, start, end) => (state === "open" ? queue.lend(memory, start, end) : false),
      pause: () => socket?.pause(),
      resume: () => socket?.resume(),
      destroy: () => socket?.terminate(),
    };
    const secure = options.tls;
    const opened = bun.connect({
      hostname: options.host,
      port: options.port,
      ...(secure === undefined ? {} : { tls: tlsOptions(secure) }),
      socket: {
        open(self) {
          socket = self;
          if (state === "over") self.terminate();
          else if (secure === undefined) accept();
        },
        // U24: the certificate and its names are checked here; no byte is sent before.
        handshake(_self, success, error) {
          if (success && error === null) accept();
          else refuse(error ?? coded("ERR_TLS", "the TLS handshake failed"));
        },
        data(_self, chunk) {
          if (state === "open") options.on.data(chunk);
        },
        drain() {
          if (state === "open" && queue.drain()) options.on.drain();
        },
        error(_self, error) {
          cause = error;
        },
        close: (_self, error) => over(error ?? cause),
        connectError: (_self, error) => refuse(error),
      },
    });
    opened.catch(refuse);
  });
}

function tlsOptions(secure: NonNullable<DialOptions["tls"]>): BunTls {
  return {
    serverName: secure.serverName,
    rejectUnauthorized: true,
    ...(secure.ca === undefined ? {} : { ca: secure.ca }),
  };
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** The part of Bun that is used here. */
interface BunGlobal {
  readonly version: string;
  serve(options: BunServe): BunServer;
  listen(options: unknown): { readonly port: number; stop(now: boolean): void };
  connect(options: BunConnect): Promise<BunSocket>;
  /** What a promise holds now, without a turn of the loop. */
  readonly peek: {
    <T>(promise: Promise<T>): T | Promise<T>;
    status(promise: Promise<unknown>): "pending" | "fulfilled" | "rejected";
  };
}

interface BunServe {
  readonly hostname?: string;
  readonly port?: number;
  readonly unix?: string;
  readonly idleTimeout?: number;
  readonly tls?: { cert: string; key: string };
  readonly maxRequestBodySize: number;
  readonly development: boolean;
  readonly reusePort: boolean;
  fetch(request: Request, server: BunServer): Response | Promise<Response>;
  error(error: Error): Response;
}

interface BunServer {
  readonly port: number | undefined;
  requestIP(request: Request): { readonly address: string } | null;
  timeout(request: Request, seconds: number): void;
  stop(now: boolean): Promise<void>;
}

interface BunTls {
  readonly serverName: string;
  readonly ca?: string;
  readonly rejectUnauthorized: boolean;
}

interface BunSocket {
  write(chunk: Uint8Array | string, start?: number, length?: number): number;
  pause(): void;
  resume(): void;
  terminate(): void;
}

interface BunConnect {
  readonly hostname: string;
  readonly port: number;
  readonly tls?: BunTls;
  readonly socket: {
    open(socket: BunSocket): void;
    handshake(socket: BunSocket, success: boolean, error: Error | null): void;
    data(socket: BunSocket, chunk: Uint8Array): void;
    drain(socket: BunSocket): void;
    error(socket: BunSocket, error: Error): void;
    close(socket: BunSocket, error?: Error): void;
    connectError(socket: BunSocket, error: Error): void;
  };
}
