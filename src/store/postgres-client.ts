/** One pool of connections, and a deadline of our own for every use of it (L10). */

import { isIP, type LookupFunction, Socket } from "node:net";
import type { Options, Sql } from "postgres";
import { fault, GatewayError } from "../base/errors.ts";
import type { Lookup } from "../base/ports.ts";
import { createPoolGate, late } from "./pool.ts";
import type { PoolStatus } from "./store.ts";

export interface Client {
  /** Runs `work`; rejects with GW_DATABASE `Cannot <attempt>` within `ms`, whatever happens. */
  run<T>(attempt: string, work: (sql: Sql) => Promise<T>, ms?: number): Promise<T>;
  pool(): PoolStatus;
  close(): Promise<void>;
}

export interface ClientOptions {
  readonly url: string;
  /** Connections at most. */
  readonly pool: number;
  /** Deadline of one use in ms, connecting included. */
  readonly queryMs: number;
  /** The URL without a password. */
  readonly place: string;
  readonly lookup: Lookup;
}

interface Pool {
  readonly sql: Sql;
  readonly sockets: Set<Socket>;
}

export function openClient(options: ClientOptions): Client {
  const gate = createPoolGate(options.pool);
  let pool: Promise<Pool> | undefined;
  let sockets: ReadonlySet<Socket> = new Set();
  const silent = new WeakSet<Promise<Pool>>();
  const drop = (used: Promise<Pool>) => {
    if (pool === used) pool = undefined;
    void used.then(destroy, () => undefined);
  };
  return {
    async run(attempt, work, ms = options.queryMs) {
      let used: Promise<Pool> | undefined;
      let began = 0;
      try {
        return await gate.use(ms, async () => {
          pool ??= openPool(options);
          used = pool;
          began = performance.now();
          const opened = await used;
          sockets = opened.sockets;
          return work(opened.sql);
        });
      } catch (thrown) {
        // A frozen server says nothing: its connections are dropped, the next use makes new ones.
        // One that was late because it waited for its turn says nothing about them.
        const hangs = thrown === late && performance.now() - began >= ms / 2;
        if (used !== undefined && hangs) silent.add(used);
        if (used !== undefined && (hangs || isConnectionError(thrown))) drop(used);
        // Connections that we cut because nothing came are no cause: that nothing came is.
        const cut = used !== undefined && silent.has(used) && isConnectionError(thrown);
        throw toFault(cut ? late : thrown, `Cannot ${attempt} in ${options.place}`, ms);
      }
    },
    pool: () => gate.status([...sockets].filter((socket) => !socket.destroyed).length),
    async close() {
      const used = pool;
      pool = undefined;
      if (used === undefined) return;
      const { sql } = await used;
      await within(options.queryMs, sql.end({ timeout: closeSeconds })).catch(() => undefined);
      drop(used);
    },
  };
}

const closeSeconds = 1;

async function openPool(options: ClientOptions): Promise<Pool> {
  const { default: postgres } = await import("postgres");
  const sockets = new Set<Socket>();
  const seconds = options.queryMs / 1000;
  // `socket` is missing in the package's types; its documentation has it ("Custom socket").
  const settings: Options<Record<string, never>> & { socket: (to: Target) => Socket } = {
    max: options.pool,
    connect_timeout: seconds,
    // Recovery is the callers' business, who have deadlines: no wait that grows while it is down.
    backoff: () => 0.1,
    idle_timeout: 300,
    onnotice: () => {},
    connection: {
      application_name: "authensor-gw",
      statement_timeout: options.queryMs,
      // A22: an acknowledged receipt may leave the spool, so it must be on the server's disk.
      synchronous_commit: "on",
    },
    socket: (to) => openSocket(to, sockets, options.lookup),
  };
  return { sql: postgres(options.url, settings), sockets };
}

/** What the package hands to `socket`: its parsed options. */
interface Target {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path: string | undefined;
}

/** Our own sockets, so that they can be destroyed: the package only ends them, which waits. */
function openSocket(to: Target, sockets: Set<Socket>, lookup: Lookup): Socket {
  const socket: Socket & { host?: string; port?: number } = new Socket();
  for (const old of sockets) if (old.destroyed) sockets.delete(old);
  sockets.add(socket);
  if (typeof to.path === "string" && to.path !== "") return socket.connect(to.path);
  const [host = "localhost"] = to.host;
  const [port = 5432] = to.port;
  // The package reads these for TLS server names.
  socket.host = host;
  socket.port = port;
  return socket.connect({ port, host, lookup: asNode(lookup) });
}

/** As node:net takes it: tries one address after another. */
function asNode(lookup: Lookup): LookupFunction {
  return (host, { all }, done) => {
    const each = (address: string) => ({ address, family: isIP(address) });
    lookup(host).then(
      (found) => {
        const [first] = found;
        if (first === undefined) done(new Error(`${host} has no address`), []);
        else if (all === true) done(null, found.map(each));
        else done(null, first, isIP(first));
      },
      (thrown: Error) => done(thrown, []),
    );
  };
}

function destroy(pool: Pool): void {
  void pool.sql.end({ timeout: 0 }).catch(() => undefined);
  for (const socket of pool.sockets) socket.destroy();
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * SQLSTATE of a server's answer, undefined for anything else. Known by the severity that every
 * answer has: the package names its errors by their class, and a build may rename classes.
 */
export function sqlState(thrown: unknown): string | undefined {
  const isAnswer = thrown instanceof Error && "severity" in thrown;
  return isAnswer && "code" in thrown ? String(thrown.code) : undefined;
}

/** 57P01 to 57P03: shut down, crashed, starting; 08: broken connection. */
function isConnectionError(thrown: unknown): boolean {
  if (thrown instanceof GatewayError || thrown === late) return false;
  const state = sqlState(thrown);
  return state === undefined || state.startsWith("57P") || state.startsWith("08");
}

/** The package's errors carry statement and values: only their text goes on. */
function toFault(thrown: unknown, message: string, ms: number): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown === late) return fault("GW_DATABASE", { message, cause: `no answer in ${ms} ms` });
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  // Of many addresses each has an error, and all together have no text.
  const one = thrown instanceof AggregateError ? (thrown.errors.at(-1) ?? thrown) : thrown;
  const text = one instanceof Error ? one.message : String(one);
  const cause = text === "" || text.includes(code) ? text || code : `${text} (${code})`;
  const fix = fixes[sqlState(thrown) ?? ""];
  return fault("GW_DATABASE", { message, cause, ...(fix === undefined ? {} : { fix }) });
}

/** By SQLSTATE: what a new database or role lacks. */
const fixes: Readonly<Record<string, string>> = {
  "42501": 'give the role the grants of docs/database.md, "Two roles"',
  "42P01":
    "let a start make the tables by `database.admin_url`, then run the grants of docs/database.md",
};
