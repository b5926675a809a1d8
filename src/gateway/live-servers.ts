/** Servers as the control API shows them, and which of them changed. */

import type { LiveInstance, LiveServer } from "../admin/contract.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import type { InstanceStatus, UpstreamStatus } from "../upstream/upstream.ts";
import { changedMs } from "./config-find.ts";
import type { ServerConfig } from "./config-model.ts";
import { countsOf, heldBackWhy, shownAge, shownHidden } from "./item-counts.ts";
import { handoverTrouble, keysThatSee, type TroubleFacts, troubleOf } from "./live-trouble.ts";
import type { Parts } from "./parts.ts";
import type { Pulse } from "./pulse.ts";
import type { Server } from "./servers.ts";

export interface ServerFeed {
  rows(): readonly LiveServer[];
  /**
   * Rows that changed since it was last asked. `counts`: also those where only numbers moved that
   * every call moves.
   */
  changed(counts: boolean): readonly LiveServer[];
  /** Ids that were shown, of servers that are no more. */
  gone(): readonly string[];
}

export function createServerFeed(parts: Parts, pulse: Pulse): ServerFeed {
  const shown = new Map<string, { version: number; text: string }>();
  const rowOf = (server: Server) => serverRow(parts, pulse, server);
  return {
    rows: () => parts.servers.all.map(rowOf),
    gone() {
      const gone = [...shown.keys()].filter((id) => parts.servers.get(id) === undefined);
      for (const id of gone) shown.delete(id);
      return gone;
    },
    changed(counts) {
      const rows: LiveServer[] = [];
      for (const server of parts.servers.all) {
        const before = shown.get(server.id);
        const { version } = server.history;
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

export function serverRow(parts: Parts, pulse: Pulse, one: Server): LiveServer {
  const { id, config: server, upstream, history } = one;
  const status = upstream.status();
  const hello = upstream.hello();
  const { tools, heldBackTools: quarantined, items } = countsOf(parts.catalog, id);
  const listFault = parts.catalog.listFault(id);
  const { calls, failed, p50Ms, p95Ms } = pulse.server(id);
  const trouble = troubleNow(parts, one);
  return {
    id,
    transport: server.transport.kind,
    target: targetOf(server),
    // A server that answers but whose list failed is not well: it says so.
    state: status.state === "ready" && listFault !== undefined ? "degraded" : status.state,
    sinceMs: status.sinceMs,
    failingSinceMs: trouble === null ? null : (history.failingSinceMs ?? null),
    era: hello?.era ?? null,
    protocol: hello?.protocol ?? null,
    hello: hello === undefined ? null : `${cut(hello.name)} ${cut(hello.version)}`,
    tools,
    quarantined,
    heldBackWhy: quarantined + items.heldBack === 0 ? [] : heldBackWhy(parts.catalog, id),
    items,
    list: shownAge(parts.catalog, id),
    hidden: shownHidden(parts.catalog, id),
    busy: status.inFlight,
    maxInFlight: server.maxInFlight,
    queued: status.queued ?? 0,
    maxQueued: server.maxQueued,
    pid: status.pid ?? null,
    instances: (status.instances ?? []).map(instanceRow),
    unattributed: status.unattributed ?? { question: 0, log: 0, answer: 0 },
    dropped: shownDropped(status.dropped),
    nextAttemptMs: status.nextAttemptMs ?? null,
    attempts: history.attempts,
    trouble,
    p50Ms,
    p95Ms,
    calls,
    failed,
    history: history.entries,
    stderr: shownStderr(status.stderr),
    ...shownHandover(one, status),
  };
}

function shownHandover({ running }: Server, { handover }: UpstreamStatus) {
  if (handover === undefined) return {};
  const { state, sinceMs, cause, nextAttemptMs = null, stderr, begunMs, untilMs } = handover;
  const shown: NonNullable<LiveServer["handover"]> = {
    ...{ from: targetOf(running), state, sinceMs, begunMs, untilMs, nextAttemptMs },
    cause: cause === undefined ? null : cut(printable(cause)),
    stderr: shownStderr(stderr),
  };
  return { handover: shown };
}

function shownStderr(lines: readonly string[]): readonly string[] {
  return lines.slice(-limits.liveStderrLines).map(cut);
}

/** What is wrong with a server at this moment, what that means and what to do. */
export function troubleNow(parts: Parts, one: Server): LiveServer["trouble"] {
  return troubleOf(factsOf(parts, one));
}

/** Of what the reload started for it, or of itself where nothing stands in. */
export function troubleOfNew(parts: Parts, one: Server): LiveServer["trouble"] {
  const facts = factsOf(parts, one);
  return facts.status.handover === undefined ? troubleOf(facts) : handoverTrouble(facts);
}

function factsOf(parts: Parts, one: Server): TroubleFacts {
  const { id, config: server, upstream, history } = one;
  const { tools, heldBackTools: quarantined, items } = countsOf(parts.catalog, id);
  const { prompts, resources, templates } = items;
  return {
    ...{ server, tools, quarantined, others: prompts + resources + templates },
    status: upstream.status(),
    listFault: parts.catalog.listFault(id),
    keys: () => keysThatSee(parts, id),
    lastCause: history.lastCause,
    unsteady: history.unsteady,
    configChanged: () => changedMs(parts.config.file) > parts.reload.readMs,
    nowMs: parts.calls.clock.now(),
  };
}

function shownDropped(dropped: UpstreamStatus["dropped"]): LiveServer["dropped"] {
  if (dropped === undefined || dropped.count === 0) return { count: 0, lastMs: null };
  return { count: dropped.count, lastMs: dropped.atMs };
}

function instanceRow(instance: InstanceStatus): LiveInstance {
  const { name, state, cause, pid, inFlight, waiting } = instance;
  return {
    ...{ name: cut(name), state, cause: cause === undefined ? null : cut(cause) },
    ...{ pid: pid ?? null, busy: inFlight, waiting },
  };
}

function cut(text: string): string {
  return text.length > limits.liveTextChars ? `${text.slice(0, limits.liveTextChars)}…` : text;
}

function targetOf({ transport }: ServerConfig): string {
  return cut(transport.kind === "stdio" ? (transport.command[0] ?? "") : transport.shown);
}
