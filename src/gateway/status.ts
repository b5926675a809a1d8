/** The status of a running gateway, as `authensor-gw status` shows it. */

import process from "node:process";
import type { GatewayStatus } from "../admin/contract.ts";
import type { Upstream, UpstreamStatus } from "../upstream/upstream.ts";
import { countsOf, shownAge } from "./item-counts.ts";
import type { Live } from "./live.ts";
import type { Parts } from "./parts.ts";

export function statusOf(parts: Parts, live: Pick<Live, "gauges">): GatewayStatus {
  const front = parts.front?.status() ?? { sessions: 0, streams: 0, inFlight: 0 };
  const policy = parts.policy.current;
  return {
    version: parts.version,
    pid: process.pid,
    startedMs: parts.startedMs,
    listen: parts.doors.map((door) => door.url),
    dataDir: parts.config.dataDir,
    config: parts.config.file,
    policy: { hash: policy.hash, files: policy.files, rules: policy.rules.length },
    access: accessStatus(parts),
    audit: parts.audit.status(),
    sealKey: {
      fingerprint: parts.sealFingerprint,
      from: parts.config.sealKey === undefined ? "data_dir" : "config",
    },
    reload: parts.reload,
    warnings: parts.store.warnings(),
    servers: parts.servers.all.map(({ upstream, history }) => ({
      id: upstream.id,
      ...stateOf(parts, upstream),
      ...offeredBy(parts, upstream.id),
      failingSinceMs: history.failingSinceMs ?? null,
    })),
    sessions: front.sessions,
    streams: front.streams,
    inFlight: parts.calls.board.inFlight.size,
    rssBytes: process.memoryUsage.rss(),
    gauges: live.gauges(),
  };
}

function offeredBy(parts: Parts, server: string) {
  const { tools, items } = countsOf(parts.catalog, server);
  return { tools, items, list: shownAge(parts.catalog, server) };
}

function accessStatus(parts: Parts): GatewayStatus["access"] {
  const status = parts.access.status();
  return parts.config.auth === "none" ? { ...status, source: "open" } : status;
}

/** A server that answers but whose list failed is not well: it says so. */
function stateOf(parts: Parts, upstream: Upstream): UpstreamStatus {
  const status = upstream.status();
  const fault = parts.catalog.listFault(upstream.id)?.why;
  if (fault === undefined || status.state !== "ready") return status;
  return { ...status, state: "degraded", cause: fault };
}
