/** Servers as the control API shows them, and which of them changed. */

import type { LiveInstance, LiveServer } from "../admin/contract.ts";
import { limits } from "../base/limits.ts";
import type { InstanceStatus, UpstreamStatus } from "../upstream/upstream.ts";
import { changedMs } from "./config-find.ts";
import type { ServerConfig } from "./config-model.ts";
import { countsOf } from "./item-counts.ts";
import type { ServerHistory } from "./live-history.ts";
import { keysThatSee, troubleOf } from "./live-trouble.ts";
import type { Parts } from "./parts.ts";
import type { Pulse } from "./pulse.ts";

export interface ServerFeed {
  rows(): readonly LiveServer[];
  /**
   * Rows that changed since it was last asked. `counts`: also those where only numbers moved that
   * every call moves.
   */
  changed(counts: boolean): readonly LiveServer[];
}

export function createServerFeed(parts: Parts, pulse: Pulse): ServerFeed {
  const shown = new Map<string, { version: number; text: string }>();
  const rowOf = (server: ServerConfig) => serverRow(parts, pulse, server);
  return {
    rows: () => parts.config.servers.map(rowOf),
    changed(counts) {
      const rows: LiveServer[] = [];
      for (const server of parts.config.servers) {
        const before = shown.get(server.id);
        const version = historyOf(parts, server.id)?.version ?? 0;
        if (!counts && before?.version === version) continue;
        const row = rowOf(server);
        const text = JSON.stringify(row);
        if (before?.text !== text) rows.push(row);
        shown.set(server.id, { version, text });
      }
      return rows;
    },
  };
}

function historyOf(parts: Parts, id: string): ServerHistory | undefined {
  return parts.histories.find((history) => history.id === id);
}

export function serverRow(parts: Parts, pulse: Pulse, server: ServerConfig): LiveServer {
  const { id } = server;
  const upstream = parts.upstreams.find((one) => one.id === id);
  const history = historyOf(parts, id);
  const status: UpstreamStatus = upstream?.status() ?? absent;
  const hello = upstream?.hello();
  const { tools, heldBackTools: quarantined, items } = countsOf(parts.catalog, id);
  const listFault = parts.catalog.listFault(id);
  const { calls, failed, p50Ms, p95Ms } = pulse.server(id);
  const keys = () => keysThatSee(parts, id);
  const trouble = troubleOf({
    ...{ server, status, listFault, tools, quarantined, keys },
    lastCause: history?.lastCause,
    configChanged: () => changedMs(parts.config.file) > parts.startedMs,
    nowMs: parts.calls.clock.now(),
  });
  return {
    id,
    transport: server.transport.kind,
    target: targetOf(server),
    // A server that answers but whose list failed is not well: it says so (pain 17).
    state: status.state === "ready" && listFault !== undefined ? "degraded" : status.state,
    sinceMs: status.sinceMs,
    failingSinceMs: trouble === null ? null : (history?.failingSinceMs ?? null),
    era: hello?.era ?? null,
    protocol: hello?.protocol ?? null,
    hello: hello === undefined ? null : `${cut(hello.name)} ${cut(hello.version)}`,
    tools,
    quarantined,
    items,
    busy: status.inFlight,
    maxInFlight: server.maxInFlight,
    pid: status.pid ?? null,
    instances: (status.instances ?? []).map(instanceRow),
    unattributed: status.unattributed ?? { question: 0, log: 0 },
    nextAttemptMs: status.nextAttemptMs ?? null,
    attempts: history?.attempts ?? 0,
    trouble,
    p50Ms,
    p95Ms,
    calls,
    failed,
    history: history?.entries ?? [],
    stderr: status.stderr.slice(-limits.liveStderrLines).map(cut),
  };
}

function instanceRow(instance: InstanceStatus): LiveInstance {
  const { name, state, cause, pid, inFlight, waiting } = instance;
  return {
    ...{ name: cut(name), state, cause: cause === undefined ? null : cut(cause) },
    ...{ pid: pid ?? null, busy: inFlight, waiting },
  };
}

const absent = {
  state: "disabled",
  sinceMs: 0,
  cause: "`enabled: false` or `disabled: true` in the config",
  nextAttemptMs: undefined,
  inFlight: 0,
  pid: undefined,
  stderr: [],
  transport: "stdio",
  protocol: undefined,
  instances: [],
} as const satisfies UpstreamStatus;

function cut(text: string): string {
  return text.length > limits.liveTextChars ? `${text.slice(0, limits.liveTextChars)}…` : text;
}

function targetOf({ transport }: ServerConfig): string {
  return cut(transport.kind === "stdio" ? (transport.command[0] ?? "") : transport.shown);
}
