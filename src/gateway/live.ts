/** The live view of a gateway: what its parts are doing, as the control API streams it. */

import path from "node:path";
import process from "node:process";
import type { LiveGateway, LiveGauges, LiveServer } from "../admin/contract.ts";
import { createFeed, type LiveFeed, type LiveSource } from "../admin/events.ts";
import { limits } from "../base/limits.ts";
import { createGauges } from "./gauges.ts";
import { createCallFeed } from "./live-calls.ts";
import { createServerFeed, serverRow, troubleNow } from "./live-servers.ts";
import type { Parts } from "./parts.ts";
import { createPulse, type Pulse } from "./pulse.ts";
import type { Server } from "./servers.ts";

export interface Live {
  readonly feed: LiveFeed;
  readonly pulse: Pulse;
  gauges(): LiveGauges;
  /** Throws for an id that the config does not name. */
  server(id: string): LiveServer;
  close(): void;
}

export function openLive(parts: Parts): Live {
  const { clock, board } = parts.calls;
  const pulse = createPulse(board, clock);
  const gauges = createGauges(parts, pulse);
  const feed = createFeed(
    liveSource(parts, pulse, () => gauges.read()),
    clock,
  );
  const explain = (server: Server) =>
    server.history.explain(() => troubleNow(parts, server) ?? undefined);
  for (const server of parts.servers.all) explain(server);
  parts.servers.onChange(({ added }) => {
    for (const server of added) explain(server);
  });
  return {
    feed,
    pulse,
    gauges: () => gauges.read(),
    server(id) {
      const server = parts.servers.get(id);
      if (server === undefined) throw new Error(`no server ${id}`);
      return serverRow(parts, pulse, server);
    },
    close() {
      feed.close();
      pulse.stop();
    },
  };
}

function liveSource(parts: Parts, pulse: Pulse, gauges: () => LiveGauges): LiveSource {
  const { clock, board } = parts.calls;
  const calls = createCallFeed(board, path.dirname(parts.config.file));
  const servers = createServerFeed(parts, pulse);
  const gateway = changing(() => gatewayOf(parts));
  const numbers = changing(gauges);
  let slowAt = Number.NEGATIVE_INFINITY;
  return {
    snapshot: () => ({
      now: clock.now(),
      gateway: gatewayOf(parts),
      servers: servers.rows(),
      calls: calls.rows(),
      gauges: gauges(),
    }),
    changes() {
      const now = clock.mono();
      const slow = now - slowAt >= limits.liveGaugesMs;
      if (slow) slowAt = now;
      const changedCalls = calls.changed();
      const changedServers = servers.changed(slow);
      const gone = servers.gone();
      const changedGateway = gateway();
      const changedGauges = slow ? numbers() : undefined;
      if (changedCalls === "lost") return "lost";
      const batch = {
        ...(changedGateway === undefined ? {} : { gateway: changedGateway }),
        ...(changedServers.length === 0 ? {} : { servers: changedServers }),
        ...(gone.length === 0 ? {} : { gone }),
        ...(changedCalls.length === 0 ? {} : { calls: changedCalls }),
        ...(changedGauges === undefined ? {} : { gauges: changedGauges }),
      };
      return Object.keys(batch).length === 0 ? undefined : { now: clock.now(), ...batch };
    },
  };
}

/** The value when it is another one than last time. */
function changing<T>(read: () => T): () => T | undefined {
  let before = "";
  return () => {
    const value = read();
    const text = JSON.stringify(value);
    if (text === before) return undefined;
    before = text;
    return value;
  };
}

function gatewayOf(parts: Parts): LiveGateway {
  const policy = parts.policy.current;
  return {
    version: parts.version,
    pid: process.pid,
    startedMs: parts.startedMs,
    listen: parts.doors.map((door) => door.url),
    config: parts.config.file,
    dataDir: parts.config.dataDir,
    policy: {
      hash: policy.hash,
      files: policy.files,
      rules: policy.rules.length,
    },
    reload: parts.reload,
    logLevel: parts.logLevel.current().level,
  };
}
