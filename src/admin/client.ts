/**
 * Asks a running gateway over its admin socket. node:http with `socketPath`: fetch over a unix
 * socket exists on Bun only.
 */

import http from "node:http";
import { catalogue } from "../base/error-codes.ts";
import { asFault, type ErrorCode, fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { type LiveEvent, paths } from "./contract.ts";
import { createEventReader } from "./event-reader.ts";
import { socketFault } from "./socket-fault.ts";
import { strangersSocket } from "./socket-trust.ts";

export interface AdminClient {
  readonly socket: string;
  /**
   * The answer's JSON. Throws GW_NOT_RUNNING, GW_SILENT (it was asked and says nothing), GW_SOCKET,
   * or the error the gateway names.
   */
  get<T>(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  /**
   * Follows the live view. `after`: the last seq that is known, for a stream that broke.
   * Connecting again is the caller's.
   */
  watch(onEvent: (event: LiveEvent) => void, after?: number): Watch;
}

export interface Watch {
  /** Resolves with why the stream ended: GW_NOT_RUNNING, GW_SOCKET, what the gateway names. */
  readonly ended: Promise<GatewayError>;
  close(): void;
}

/** `key`: the token of a key; reading needs none. */
export function adminClient(options: {
  socket: string;
  key?: string | undefined;
  /** Of one answer; limits.adminMs when absent. */
  timeoutMs?: number;
}): AdminClient {
  const { socket, timeoutMs = limits.adminMs } = options;
  const headers: Record<string, string> = { host: "localhost", connection: "close" };
  if (options.key !== undefined) headers["authorization"] = `Bearer ${options.key}`;
  return {
    socket,
    async get<T>(path: string, query: Readonly<Record<string, string | undefined>> = {}) {
      const pairs = Object.entries(query).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value]],
      );
      const search = pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`;
      return (await ask({ socket, method: "GET", path: path + search, headers, timeoutMs })) as T;
    },
    async post<T>(path: string, body: unknown) {
      const text = JSON.stringify(body);
      const own = {
        ...headers,
        "content-type": "application/json",
        "content-length": String(Buffer.byteLength(text)),
      };
      return (await ask({ socket, method: "POST", path, headers: own, text, timeoutMs })) as T;
    },
    watch: (onEvent, after) => watch(socket, headers, onEvent, after),
  };
}

interface Ask {
  readonly socket: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly text?: string;
  readonly timeoutMs: number;
}

function ask({ socket, method, path, headers, text, timeoutMs }: Ask): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stranger = keyFault(socket, headers);
    if (stranger !== undefined) return reject(stranger);
    // Bun reuses a pooled connection that is closing (EPIPE in one of six); no agent, no pool.
    const options = { socketPath: socket, method, path, headers, agent: false };
    const request = http.request(options, (response) => {
      readAll(response)
        .catch((error: Error) => {
          throw unreachable(socket, error);
        })
        .then((body) => readAnswer(response.statusCode ?? 0, body))
        .then(resolve, reject);
    });
    request.setTimeout(timeoutMs, () => {
      reject(silent(socket, timeoutMs, method !== "GET"));
      request.destroy();
    });
    request.on("error", (error) => reject(unreachable(socket, error)));
    request.end(text);
  });
}

function watch(
  socket: string,
  headers: Readonly<Record<string, string>>,
  onEvent: (event: LiveEvent) => void,
  after: number | undefined,
): Watch {
  const { promise: ended, resolve } = Promise.withResolvers<GatewayError>();
  const stranger = keyFault(socket, headers);
  if (stranger !== undefined) return { ended: Promise.resolve(stranger), close() {} };
  const more = after === undefined ? {} : { "last-event-id": String(after) };
  const path = paths.events;
  const options = { socketPath: socket, path, headers: { ...headers, ...more }, agent: false };
  const request = http.request(options, (response) => {
    const status = response.statusCode ?? 0;
    if (status !== 200) {
      readAll(response).then(
        (text) => resolve(refused(status, text)),
        (error: Error) => resolve(unreachable(socket, error)),
      );
      return;
    }
    const read = createEventReader(onEvent);
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      try {
        read(text);
      } catch (thrown) {
        request.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)));
      }
    });
    response.on("error", (error) => resolve(unreachable(socket, error)));
    response.on("close", () => resolve(unreachable(socket, new Error("the stream ended"))));
  });
  // A comment comes more often than this where nothing else does: the gateway hangs.
  request.setTimeout(limits.liveSilentMs, () => request.destroy(new Error("it is silent")));
  request.on("error", (error) => resolve(unreachable(socket, error)));
  request.end();
  return { ended, close: () => request.destroy() };
}

/** Who has no key to lose may look at anybody's. */
function keyFault(socket: string, headers: Readonly<Record<string, string>>) {
  return headers["authorization"] === undefined ? undefined : strangersSocket(socket);
}

function readAll(response: http.IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", reject);
    response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
  });
}

function refused(status: number, text: string): GatewayError {
  try {
    readAnswer(status, text);
  } catch (thrown) {
    return asFault(thrown, "Cannot watch the gateway");
  }
  return fault("GW_INTERNAL", { message: `The gateway answered HTTP ${status}` });
}

function readAnswer(status: number, text: string): unknown {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw fault("GW_NOT_RUNNING", {
      message: "Cannot understand what answers on the admin socket",
      cause: `HTTP ${status}, no JSON`,
    });
  }
  if (status < 400) return body;
  const { code, message, cause, fix } = body as Record<string, unknown>;
  const known = typeof code === "string" && Object.hasOwn(catalogue, code);
  throw fault(known ? (code as ErrorCode) : "GW_INTERNAL", {
    message: String(message ?? `The gateway answered HTTP ${status}`),
    cause: String(cause ?? ""),
    ...(typeof fix === "string" ? { fix } : {}),
  });
}

/** What is asked of a stopped process lies in its socket, and is read when it goes on. */
function silent(socket: string, timeoutMs: number, changes: boolean): GatewayError {
  const later = "; what was asked for may still be done when it answers again";
  return fault("GW_SILENT", {
    message: `The gateway on "${socket}" does not answer`,
    cause: `no answer in ${timeoutMs / 1000} s${changes ? later : ""}`,
  });
}

function unreachable(socket: string, error: Error): GatewayError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "EACCES" || code === "EPERM") return socketFault(socket);
  // Bun says FailedToOpenSocket where others say ENOENT or ECONNREFUSED.
  return fault("GW_NOT_RUNNING", {
    message: `No gateway answers on "${socket}"`,
    cause: code || error.message,
  });
}
