/** What the gateway needs from Bun or Deno beyond web standards and node: modules. */

import type { HttpRequest } from "../base/http-request.ts";
import type { Lookup } from "../base/ports.ts";

export interface Runtime {
  readonly name: "bun" | "deno";
  readonly version: string;
  listen(options: ListenOptions): Promise<Listener>;
  /** Opens one connection. Rejects with an Error whose `code` is the errno name (ECONNREFUSED…). */
  dial(options: DialOptions): Promise<Connection>;
  /** Never holds up what is written to disk meanwhile, however long the name servers are silent. */
  readonly lookup: Lookup;
  spawn(options: SpawnOptions): Child;
  readonly sys: Sys;
}

export interface ListenOptions {
  /** One address; `localhost` is two listeners, which is the caller's business. */
  readonly address: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly tls?: { readonly cert: string; readonly key: string };
  /** R1: a body over this is not kept, whatever its framing. Reading it rejects: that is 413. */
  readonly bodyBytesMax: number;
  readonly idleSeconds: number;
  handle(request: HttpRequest, peer: Peer): Response | Promise<Response>;
  /** Answers what is no HTTP request, as the runtime's server does without it; on Bun. */
  malformed?(status: number, why: string): Response;
}

/** The other ends of a listener: who a request of it comes from. */
export interface Peer {
  /** Remote IP, or "unix". */
  address(request: HttpRequest): string;
  /** No idle timeout for this request: for event streams and calls with deadlines of their own. */
  keepOpen(request: HttpRequest): void;
  /** Set by who opened the door: the other end is `authensor-gw stdio`. */
  readonly transport?: "stdio";
  /**
   * What a body's stream gave was sent or copied when the stream is asked for more: its memory may
   * be written over then.
   */
  readonly takesAtOnce?: true;
  /** The body, without a promise where it is here already. Not there: ask the request. */
  bytes?(request: HttpRequest): Uint8Array | Promise<Uint8Array>;
  /** Answers without a promise: `answer` is handed on, and `give` called when there is one. */
  readonly later?: {
    readonly answer: Response;
    give(request: HttpRequest, answer: Response | Promise<Response>): void;
  };
  /** Sends 200 with these pieces of JSON at once; `sent` is what is answered then. */
  sendJson?(request: HttpRequest, pieces: readonly (string | Uint8Array)[]): Response | undefined;
  /** Puts the idle timeout back, before the answer ends: the connection may carry more requests. */
  limitIdle(request: HttpRequest): void;
}

export interface Listener {
  readonly port: number;
  /** Stops accepting; resolves when open requests have ended, or at once with `now`. */
  stop(now: boolean): Promise<void>;
}

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly serverName: string; readonly ca?: string };
  readonly timeoutMs: number;
  readonly on: ConnectionEvents;
}

/**
 * Events of one connection. `data` chunks are the receiver's: the runtime does not reuse them, and
 * does not mind when they are freed.
 */
export interface ConnectionEvents {
  data(chunk: Uint8Array): void;
  drain(): void;
  /** Once, for whatever reason; nothing comes after it. */
  close(error: Error | undefined): void;
}

export interface Connection {
  /** Writes or queues all of it; true while the socket wants more. */
  write(chunk: Uint8Array | string): boolean;
  /** The same for a part of memory that the caller writes over as soon as this returns. */
  lend(memory: Uint8Array, start: number, end: number): boolean;
  /** Where `write` gave true, nothing of the chunk is kept. */
  readonly takesAtOnce?: true;
  /** Nothing of what was written waits for the socket. */
  hasSent(): boolean;
  pause(): void;
  resume(): void;
  /** Ends at once. */
  destroy(): void;
}

export interface SpawnOptions {
  readonly command: readonly string[];
  readonly cwd?: string;
  /** The whole environment: nothing is inherited (U9). */
  readonly env: Readonly<Record<string, string>>;
  readonly on: ChildEvents;
}

export interface ChildEvents {
  stdout(chunk: Uint8Array): void;
  stderr(chunk: Uint8Array): void;
  drain(): void;
  /** Once. spawnError when it never started. */
  exit(code: number | null, signal: string | null, spawnError?: Error): void;
}

export interface Child {
  readonly pid: number | undefined;
  write(chunk: Uint8Array | string): boolean;
  /** Bytes written but not yet taken by the child, U14. */
  backlog(): number;
  pause(): void;
  resume(): void;
  closeStdin(): void;
  /** Signals the child's own process group. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

export interface Sys {
  /** Reserves disk for a file; false where the platform cannot, then the caller writes zeros. */
  fallocate(fd: number, bytes: number): boolean;
  /** Closes /proc/PID/environ and mem to children of the same user (L8); false where it cannot. */
  notDumpable(): boolean;
  /**
   * Ends connections to these ports that came at least so long ago and sent nothing, of handles
   * below `most`: how many. 0 where the platform cannot.
   */
  closeSilent(ports: readonly number[], most: number, ms: number): number;
  /** Lets others that want this processor run first; false where the platform cannot. */
  giveWay(): boolean;
  /** Connections that the doors ended for want of files since this was asked last. */
  ended(): { readonly silent: number; readonly turnedAway: number };
  /** Takes the end of a child that nobody waits for; false where there was none, or it cannot. */
  reap(pid: number): boolean;
  /**
   * Gives pages of the program's own text back to the kernel, which brings those that are needed
   * again from its cache. False where the platform cannot.
   */
  trimText(): boolean;
  /** Of the script, with what is no longer in use; undefined where the platform cannot say. */
  heapBytes(): number | undefined;
  /** Frees what of it is no longer in use; takes some ms, in which nothing else runs. */
  collect(): void;
  /** Of what was made since the last collection; about 1 ms. */
  collectYoung(): void;
  /**
   * systemd's sd_notify; does nothing without NOTIFY_SOCKET. Never waits: false where nobody took
   * it, or its reader is behind.
   */
  notify(state: string): boolean;
}
