/** What stands behind the doors, loaded when they are open: it takes longer than listening. */

import { createAdmin } from "../admin/routes.ts";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { createLog, type Log } from "../base/log.ts";
import { systemRandom } from "../base/system.ts";
import { endCall } from "../call/board.ts";
import { handle } from "../call/methods.ts";
import { createHttpFront, type HttpFront } from "../front/http.ts";
import type { ListenOptions, Runtime } from "../runtime/runtime.ts";
import { adminPorts } from "./admin-ports.ts";
import { type Close, closeAll } from "./close-all.ts";
import { withFrames } from "./debug-frames.ts";
import type { Malformed } from "./gate.ts";
import type { Door } from "./listeners.ts";
import { openLive } from "./live.ts";
import type { LogLevel } from "./log-level.ts";
import { metricsFor } from "./metrics.ts";
import { openToAll } from "./open-to-all.ts";
import { openParts, type Parts, type PartsOptions, type PolicyInForce } from "./parts.ts";
import { readiness } from "./ready.ts";
import { createReloads, type Reloads } from "./reload.ts";
import { watchHistory } from "./watch-history.ts";
import { watching } from "./watching.ts";

export interface Before extends PartsOptions {
  /** As Owner.run. */
  readonly run: string;
  readonly runtime: Runtime;
  readonly log: Log;
  readonly logLevel: LogLevel;
  readonly policy: PolicyInForce;
  readonly doors: readonly Door[];
  /** Ports of the open doors. */
  readonly ports: readonly number[];
}

export interface Behind extends Record<"mcp" | "admin", ListenOptions["handle"]> {
  readonly malformed: Malformed;
  readonly parts: Parts;
  readonly reloads: Reloads;
}

/** Opens everything but the servers' connections; what is open goes to `undo`. */
export async function openBehind(before: Before, undo: Close[]): Promise<Behind> {
  const { runtime, log, policy } = before;
  const parts = await openParts(before, runtime, log, policy, undo);
  const front = frontOf(parts, before.ports);
  parts.front = front;
  parts.doors = before.doors;
  undo.push(() => front.close());
  const live = openLive(parts);
  parts.live = live;
  undo.push(() => live.close());
  const reloads = createReloads(parts);
  undo.push(() => reloads.close());
  const admin = createAdmin(adminPorts(parts, live, reloads));
  const history = watchHistory(parts);
  undo.push(() => history.close());
  front.onRefused((request, response) => history.refused(request, response));
  return {
    parts,
    reloads,
    mcp: front.handle,
    malformed: front.malformed,
    admin: (request, peer) => admin.fetch(request, peer),
  };
}

function frontOf(parts: Parts, ports: readonly number[]): HttpFront {
  const { config, access, calls, logLevel } = parts;
  const frames = createLog({ level: logLevel.admits, burst: limits.logFrames });
  return createHttpFront({
    access: config.auth === "none" ? openToAll(access) : access,
    clock: calls.clock,
    random: systemRandom,
    sealer: calls.sealer,
    get limits() {
      return parts.config.limits;
    },
    get hosts() {
      return parts.config.hosts;
    },
    get protocol() {
      return parts.config.protocol;
    },
    ports,
    behindProxy: config.behindProxy,
    handle: withFrames(handle, calls, frames, logLevel.debugs),
    hello: async (identity, era) => ({
      serverInfo: { name: "authensor-gw", version: parts.version },
      ...(await parts.catalog.hello(identity, era)),
    }),
    visibleHash: (identity, list) => parts.catalog.visibleHash(list, identity),
    onListChange: (listener) => parts.catalog.onChange(listener),
    resources: watching(parts),
    sessionStates: parts.sessionStates,
    ready: () => readiness(parts),
    metrics: (authorization) => metricsFor(parts, authorization),
    error: (message, fields) => parts.log.error(message, fields),
  });
}

/** Lets calls in flight end, then closes everything. */
export async function stop(parts: Parts, undo: Close[]): Promise<void> {
  parts.front?.drain();
  parts.live?.close();
  const { clock, deadlines, parks } = parts.calls;
  // Their clients would come back to a gateway that takes nothing new.
  parks.expireAll("the gateway is stopping");
  const until = clock.mono() + limits.drainMs;
  // A call is over when its answer left, which is after its outcome was recorded.
  const busy = () => deadlines.inFlight() > 0 || (parts.front?.status().inFlight ?? 0) > 0;
  while (busy() && clock.mono() < until) {
    await pause(20);
  }
  for (const call of parts.calls.board.inFlight) {
    const message = `The gateway stopped before "${call.target}" was done`;
    endCall(call, "the gateway is stopping", fault("GW_ENDED_BY_STOP", { message }));
  }
  // Their outcomes are recorded, and their agents told.
  while (busy() && clock.mono() < until + limits.flushMs) await pause(20);
  // An answer that was given may still be on its way to the socket.
  const flushed = Promise.all(parts.doors.map((door) => door.listener.stop(false)));
  await Promise.race([flushed, pause(limits.flushMs)]);
  await closeAll(undo, parts.log);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
