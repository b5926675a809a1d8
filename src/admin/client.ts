/**
 * Asks a running gateway over its admin socket. node:http with `socketPath`: fetch over a unix
 * socket exists on Bun only.
 */

import { statSync } from "node:fs";
import http from "node:http";
import { catalogue } from "../base/error-codes.ts";
import { type ErrorCode, fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";

export interface AdminClient {
  readonly socket: string;
  /** The answer's JSON. Throws GW_NOT_RUNNING, GW_SOCKET, or the error the gateway names. */
  get<T>(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
}

/** `key`: the token of a key; reading needs none. */
export function adminClient(options: { socket: string; key?: string | undefined }): AdminClient {
  const { socket } = options;
  const headers: Record<string, string> = { host: "localhost", connection: "close" };
  if (options.key !== undefined) headers["authorization"] = `Bearer ${options.key}`;
  return {
    socket,
    async get<T>(path: string, query: Readonly<Record<string, string | undefined>> = {}) {
      const pairs = Object.entries(query).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value]],
      );
      const search = pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`;
      return (await ask({ socket, method: "GET", path: path + search, headers })) as T;
    },
    async post<T>(path: string, body: unknown) {
      const text = JSON.stringify(body);
      const own = {
        ...headers,
        "content-type": "application/json",
        "content-length": String(Buffer.byteLength(text)),
      };
      return (await ask({ socket, method: "POST", path, headers: own, text })) as T;
    },
  };
}

interface Ask {
  readonly socket: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly text?: string;
}

function ask({ socket, method, path, headers, text }: Ask): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // Bun reuses a pooled connection that is closing (EPIPE in one of six); no agent, no pool.
    const options = { socketPath: socket, method, path, headers, agent: false };
    const request = http.request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", (error) => reject(unreachable(socket, error)));
      response.on("end", () => {
        try {
          resolve(readAnswer(response.statusCode ?? 0, Buffer.concat(chunks).toString("utf8")));
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
    request.setTimeout(limits.adminMs, () => request.destroy(new Error("no answer in time")));
    request.on("error", (error) => reject(unreachable(socket, error)));
    request.end(text);
  });
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

function unreachable(socket: string, error: Error): GatewayError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "EACCES" || code === "EPERM") return forbidden(socket);
  // Bun says FailedToOpenSocket where others say ENOENT or ECONNREFUSED.
  return fault("GW_NOT_RUNNING", {
    message: `No gateway answers on "${socket}"`,
    cause: code || error.message,
  });
}

/** Says whose socket it is and which group opens it. */
function forbidden(socket: string): GatewayError {
  const message = `Cannot open the admin socket "${socket}"`;
  try {
    const { uid, gid, mode } = statSync(socket);
    const shown = (mode & 0o777).toString(8).padStart(4, "0");
    return fault("GW_SOCKET", {
      message,
      cause: `it belongs to user ${uid} and group ${gid}, mode ${shown}`,
      fix: `join group ${gid} (\`admin.group\` in the config), or run this as user ${uid}`,
    });
  } catch {
    // Its folder is closed to us too: nothing more can be said.
    return fault("GW_SOCKET", { message, cause: "this user may not look into its folder" });
  }
}
