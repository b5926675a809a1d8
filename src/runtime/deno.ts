/**
 * Deno: runs the same source. It lacks an idle timeout, a body limit (the front counts the bytes
 * itself) and the system calls of Sys, which answer that they cannot.
 */

import { spawnChild } from "./child.ts";
import { dialNode } from "./dial-node.ts";
import { lookup } from "./lookup.ts";
import type { Listener, ListenOptions, Runtime } from "./runtime.ts";

const deno = (globalThis as unknown as { Deno: DenoGlobal }).Deno;

export const denoRuntime: Runtime = {
  name: "deno",
  version: deno.version.deno,
  listen,
  dial: dialNode,
  lookup,
  spawn: spawnChild,
  sys: {
    fallocate: () => false,
    notDumpable: () => false,
    closeSilent: () => 0,
    ended: () => ({ silent: 0, turnedAway: 0 }),
    notify: () => false,
    reap: () => false,
    giveWay: () => false,
    trimText: () => false,
    heapBytes: () => undefined,
    collect: () => undefined,
    collectYoung: () => undefined,
  },
};

async function listen(options: ListenOptions): Promise<Listener> {
  const cut = new AbortController();
  const place =
    "path" in options.address
      ? { path: options.address.path }
      : { hostname: options.address.host, port: options.address.port };
  const server = deno.serve(
    {
      ...place,
      ...options.tls,
      signal: cut.signal,
      onListen: () => undefined,
      onError: () => new Response("internal error\n", { status: 500 }),
    },
    (request, info) =>
      options.handle(request, {
        address: () => info.remoteAddr.hostname ?? "unix",
        keepOpen: () => undefined,
        limitIdle: () => undefined,
      }),
  );
  // Deno throws when a server that has ended is told to stop again.
  let ended = false;
  void server.finished.then(() => {
    ended = true;
  });
  return {
    port: server.addr.port ?? 0,
    async stop(now) {
      if (ended) return;
      if (now) cut.abort();
      else await server.shutdown();
      await server.finished;
    },
  };
}

/** The part of Deno that is used here. */
interface DenoGlobal {
  readonly version: { readonly deno: string };
  serve(
    options: DenoServe,
    handler: (request: Request, info: DenoInfo) => Response | Promise<Response>,
  ): DenoServer;
}

interface DenoServe {
  readonly hostname?: string;
  readonly port?: number;
  readonly path?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly signal: AbortSignal;
  onListen(): void;
  onError(error: unknown): Response;
}

interface DenoInfo {
  readonly remoteAddr: { readonly hostname?: string };
}

interface DenoServer {
  readonly addr: { readonly port?: number };
  readonly finished: Promise<void>;
  shutdown(): Promise<void>;
}
