/** Opens the doors: MCP on the configured address, the admin socket for people of this machine. */

import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import process from "node:process";
import { forOperators } from "../admin/fixes.ts";
import { fault, GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { httpError, plain, plainError } from "../front/answers.ts";
import { createHostGuard } from "../front/hosts.ts";
import type { Listener, ListenOptions, Runtime } from "../runtime/runtime.ts";
import type { Address, Config } from "./config-model.ts";
import { mcpSocket } from "./mcp-socket.ts";
import { checkFolder, groupId, inGroup, prepareFolder } from "./socket-folder.ts";

export interface Door {
  readonly listener: Listener;
  /** `http://localhost:3100`, for people. */
  readonly url: string;
}

type Handle = ListenOptions["handle"];

/** Where MCP is served. Throws GW_PORT_TAKEN … */
export function openFront(
  runtime: Runtime,
  config: Config,
  handle: Handle,
  malformed = httpError,
): Promise<readonly Door[]> {
  if (config.listen === undefined) return Promise.resolve([]);
  return openPort(runtime, "listen", config.listen, {
    ...(config.tls === undefined ? {} : { tls: config.tls }),
    bodyBytesMax: config.limits.bodyBytes,
    idleSeconds: limits.httpIdleSeconds,
    handle,
    malformed,
  });
}

/** `admin.listen`: the admin API on a port, for names of this machine only (F1 to F3). */
export async function openAdminPort(
  runtime: Runtime,
  config: Config,
  handle: Handle,
): Promise<readonly Door[]> {
  if (config.admin.listen === undefined) return [];
  const ports: number[] = [];
  const guard = createHostGuard(() => noHosts, ports);
  const doors = await openPort(runtime, "admin.listen", config.admin.listen, {
    bodyBytesMax: 1024 * 1024,
    idleSeconds: limits.httpIdleSeconds,
    handle(request, peer) {
      const { headers } = request;
      if (guard.host(headers.get("host")) !== "ours") return plainError(adminPlain("GW_HOST"));
      if (!guard.origin(headers.get("origin"))) return plainError(adminPlain("GW_ORIGIN"));
      return handle(request, peer);
    },
  });
  for (const { listener } of doors) ports.push(listener.port);
  return doors.map((door) => ({ ...door, url: `${door.url} (admin)` }));
}

function adminPlain(code: "GW_HOST" | "GW_ORIGIN"): GatewayError {
  return forOperators(plain(code), "read");
}

const noHosts: readonly string[] = [];

/** `localhost` is both loopback families; a missing family is skipped. Throws GW_PORT_TAKEN … */
async function openPort(
  runtime: Runtime,
  setting: string,
  { host, port }: Address,
  options: Omit<ListenOptions, "address">,
): Promise<readonly Door[]> {
  const hosts = host === "localhost" ? ["127.0.0.1", "::1"] : [host];
  const doors: Door[] = [];
  let bound = port;
  for (const address of hosts) {
    try {
      const listener = await runtime.listen({
        malformed: httpError,
        ...options,
        address: { host: address, port: bound },
      });
      bound = listener.port;
      doors.push({ listener, url: urlOf(options.tls !== undefined, address, bound) });
    } catch (thrown) {
      if (doors.length > 0 && isMissingFamily(thrown)) continue;
      await Promise.all(doors.map((door) => door.listener.stop(true)));
      throw listenFault(thrown, `${address}:${port}`, setting);
    }
  }
  return doors;
}

export function openAdmin(runtime: Runtime, config: Config, handle: Handle): Promise<Door> {
  return openSocket(runtime, config, config.admin.socket, { bodyBytesMax: 1024 * 1024, handle });
}

/** Where `authensor-gw stdio` reaches MCP: no browser or other machine does. Needs a key too. */
export function openMcpSocket(runtime: Runtime, config: Config, handle: Handle): Promise<Door> {
  return openSocket(runtime, config, mcpSocket(config.admin.socket), {
    bodyBytesMax: config.limits.bodyBytes,
    handle: (request, peer) =>
      handle(request, Object.assign(peer, { transport: "stdio" as const })),
  });
}

/** The socket is born with its final mode: nobody can connect before the fence stands. */
async function openSocket(
  runtime: Runtime,
  config: Config,
  path: string,
  options: Pick<ListenOptions, "bodyBytesMax" | "handle">,
): Promise<Door> {
  const gid = groupId(config.admin.group);
  prepareFolder(path, gid);
  if (await isStale(path)) unlinkSync(path);
  // The group is let in when the socket is its own.
  const before = process.umask(gid === undefined ? 0o117 : 0o177);
  try {
    const listener = await runtime.listen({
      ...options,
      malformed: httpError,
      address: { path },
      idleSeconds: limits.httpIdleSeconds,
    });
    if (gid !== undefined) inGroup(path, gid);
    chmodSync(path, 0o660);
    return { listener, url: `unix:${path}` };
  } catch (thrown) {
    throw thrown instanceof GatewayError ? thrown : listenFault(thrown, path);
  } finally {
    process.umask(before);
  }
}

/**
 * What a start does to listen, and undone: the doors are shut at once. Throws what it would, but
 * nothing of the socket `owners`: that is the one of who owns data_dir, which is told already.
 */
export async function tryDoors(runtime: Runtime, config: Config, owners = ""): Promise<void> {
  groupId(config.admin.group);
  checkFolder(config.admin.socket);
  if (config.admin.socket !== owners) await isStale(config.admin.socket);
  const refuse = () => new Response(null, { status: 503 });
  const doors = [...(await openFront(runtime, config, refuse))];
  try {
    doors.push(...(await openAdminPort(runtime, config, refuse)));
  } finally {
    await shut(doors);
  }
}

async function shut(doors: readonly Door[]): Promise<void> {
  await Promise.all(doors.map((door) => door.listener.stop(true)));
}

/**
 * A socket that nobody answers on was left by a run that was killed. One that lives is another
 * gateway's, of another data_dir: taking its place would cut it off from its people.
 */
async function isStale(path: string): Promise<boolean> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  const message = `Cannot make the admin socket "${path}"`;
  if (!stat.isSocket()) {
    throw fault("GW_LISTEN", { message, cause: "a file that is no socket is there" });
  }
  if (!(await takesConnections(path))) return true;
  const cause = "another gateway listens there";
  throw fault("GW_PORT_TAKEN", { message, cause, fix: "stop it, or set another `admin.socket`" });
}

async function takesConnections(path: string): Promise<boolean> {
  const { connect } = await import("node:net"); // With its streams it takes 3 ms of a start.
  return new Promise((resolve) => {
    const socket = connect({ path });
    const tell = (lives: boolean) => {
      socket.destroy();
      resolve(lives);
    };
    socket.on("connect", () => tell(true));
    // Refused, or just gone: nobody listens. Anything else (EACCES, EAGAIN) is somebody's.
    socket.on("error", (error) => tell(!["ECONNREFUSED", "ENOENT"].includes(errno(error))));
  });
}

function urlOf(secure: boolean, address: string, port: number): string {
  const scheme = secure ? "https" : "http";
  return `${scheme}://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function errno(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
}

function isMissingFamily(thrown: unknown): boolean {
  return ["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes(errno(thrown));
}

function listenFault(thrown: unknown, where: string, setting = "admin.socket"): Error {
  const code = errno(thrown);
  const message = `Cannot listen on ${where}`;
  if (code === "EADDRINUSE") {
    const fix = `stop it, or set \`${setting}\` to another port`;
    return fault("GW_PORT_TAKEN", { message, cause: "another program listens there", fix });
  }
  const cause = thrown instanceof Error ? thrown.message : String(thrown);
  return fault("GW_LISTEN", { message, cause });
}
