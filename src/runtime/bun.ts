/** Bun: the runtime of the compiled binary. */

import { spawnChild } from "./child.ts";
import { handleLimit } from "./handles.ts";
import { inRoom } from "./http/in-room.ts";
import { createRoom } from "./http/room.ts";
import { type ListenSockets, serveHttp } from "./http/serve.ts";
import { lookup } from "./lookup.ts";
import type { Connection, DialOptions, Runtime } from "./runtime.ts";
import { createSendQueue } from "./send-queue.ts";
import { linuxSys } from "./sys-bun.ts";

const bun = (globalThis as unknown as { Bun: BunGlobal }).Bun;

const { hasSent, ...sys } = linuxSys();
const room = createRoom({ mono: () => performance.now(), limit: handleLimit, hasSent });

export const bunRuntime: Runtime = {
  name: "bun",
  version: bun.version,
  listen: async (options) => serveHttp(options, inRoom(room, bun.listen)),
  dial,
  lookup,
  spawn: spawnChild,
  sys: { ...sys, ended: () => room.ended() },
};

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
      () => socket?.terminate(),
    );
    const connection: Connection = {
      takesAtOnce: true,
      write: (chunk) => (state === "open" ? queue.write(chunk) : false),
      lend: (memory, start, end) => (state === "open" ? queue.lend(memory, start, end) : false),
      hasSent: () => queue.empty(),
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
  readonly listen: ListenSockets;
  connect(options: BunConnect): Promise<BunSocket>;
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
