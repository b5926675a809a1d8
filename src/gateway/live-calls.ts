/** The board of calls as the control API shows it: rows, and which of them changed. */

import path from "node:path";
import type { LiveCall as CallRow, CallStage } from "../admin/contract.ts";
import { limits } from "../base/limits.ts";
import { type Board, type LiveCall, receiptOf, type ShownCall } from "../call/board.ts";
import type { RuleRef } from "../policy/model.ts";

export interface CallFeed {
  /** In flight, then the last ended ones, oldest first. */
  rows(): readonly CallRow[];
  /** Rows that changed since it was last asked; lost: more ended than the board keeps. */
  changed(): readonly CallRow[] | "lost";
}

/** What of a call in flight was shown last. */
interface Shown {
  readonly stage: CallStage;
  readonly progress: number;
  readonly idleAt: number;
  readonly maxAt: number;
}

/** `folder`: of the config; policy files in it are named as they are written there. */
export function createCallFeed(board: Board, folder: string): CallFeed {
  let shown = new Map<LiveCall, Shown>();
  let seen = board.ended;
  const row = (call: ShownCall) => callRow(call, folder);
  return {
    rows() {
      const first = Math.max(0, board.ended - Math.min(limits.liveCalls, board.recent.length));
      return [...[...board.inFlight].map(row), ...endedSince(board, first).map(row)];
    },
    changed() {
      const lost = board.ended - seen > limits.boardCalls;
      const rows = lost ? [] : endedSince(board, seen).map(row);
      seen = board.ended;
      const now = new Map<LiveCall, Shown>();
      for (const call of board.inFlight) {
        const before = shown.get(call);
        if (before !== undefined && isSame(call, before)) {
          now.set(call, before);
          continue;
        }
        now.set(call, shownOf(call));
        if (!lost) rows.push(row(call));
      }
      shown = now;
      return lost ? "lost" : rows;
    },
  };
}

/** Calls that ended as number `from` and later, oldest first; what the ring lost is left out. */
export function endedSince(board: Board, from: number): ShownCall[] {
  const calls: ShownCall[] = [];
  const first = Math.max(from, board.ended - board.recent.length);
  for (let at = first; at < board.ended; at++) {
    const call = board.recent[at % limits.boardCalls];
    if (call !== undefined) calls.push(call);
  }
  return calls;
}

function shownOf({ stage, progress, deadline }: LiveCall): Shown {
  return { stage, progress, idleAt: deadline?.idleAt ?? 0, maxAt: deadline?.maxAt ?? 0 };
}

function isSame({ stage, progress, deadline }: LiveCall, before: Shown): boolean {
  return (
    stage === before.stage &&
    progress === before.progress &&
    (deadline?.idleAt ?? 0) === before.idleAt &&
    (deadline?.maxAt ?? 0) === before.maxAt
  );
}

export function callRow(call: ShownCall, folder: string): CallRow {
  const { decision, client, stage } = call;
  return {
    id: `c-${call.no}`,
    tool: call.target,
    server: call.server,
    key: call.keyName,
    client: client.name === "" ? "" : `${client.name}/${client.version}`,
    session: call.session,
    era: { in: call.era, out: call.serverEra ?? null },
    protocol: call.protocol,
    startedMs: call.startedMs,
    stage,
    stageMs: Math.round(wall(call, stageAt(call))),
    deadline: deadlineOf(call),
    decision:
      decision === undefined
        ? null
        : {
            effect: decision.effect,
            rule: decision.rule?.id ?? null,
            at: decision.rule === undefined ? null : placeOf(decision.rule, folder),
            code: decision.code ?? null,
            hint: decision.hint ?? null,
          },
    outcome: outcomeOf(call),
    code: call.code === "" ? null : call.code,
    why: call.why === "" ? null : call.why,
    receipt: receiptOf(call) || null,
    argsBytes: call.argsBytes,
    resultBytes: call.resultBytes,
    dropped: call.dropped,
    tookMs: stage === "over" ? tidy(lastAt(call) - call.arrived) : null,
    timings: {
      decide: between(call.arrived, call.decidedAt),
      intent: between(call.decidedAt, call.sentAt),
      queue: call.queuedMs === 0 ? null : tidy(call.queuedMs),
      server: serverMs(call),
      outcome: between(call.answeredAt, call.endedAt),
    },
  };
}

/** Wall ms of a monotonic moment, by the call's own pair: a stepped clock moves nothing. */
function wall(call: ShownCall, at: number): number {
  return call.startedMs + (at - call.arrived);
}

function stageAt(call: ShownCall): number {
  switch (call.stage) {
    case "waiting":
      return call.arrived;
    case "intent":
      return call.decidedAt;
    case "queue":
      return call.queuedAt;
    case "server":
      return call.sentAt + call.queuedMs;
    case "client":
      return call.askedAt;
    case "outcome":
      return call.answeredAt;
    case "over":
      return lastAt(call);
  }
}

/** A call that was at fault itself ends without the later moments. */
function lastAt(call: ShownCall): number {
  return call.endedAt || call.answeredAt || call.sentAt || call.decidedAt || call.arrived;
}

function deadlineOf(call: ShownCall): CallRow["deadline"] {
  const { deadline, timeout, stage } = call;
  const runs = stage === "queue" || stage === "server" || stage === "client";
  if (deadline === undefined || timeout === undefined || !runs) return null;
  const which = deadline.idleAt < deadline.maxAt ? "idle" : "max";
  if (stage === "client" && which === "idle") {
    const atMs = Math.round(wall(call, deadline.idleAt));
    const limitMs = limits.clientAnswerMs;
    return {
      atMs,
      which: "client",
      setting: "the client's answer",
      limitMs,
      progress: call.progress,
    };
  }
  return {
    atMs: Math.round(wall(call, which === "idle" ? deadline.idleAt : deadline.maxAt)),
    which,
    setting: `${timeout.setting}.${which}`,
    limitMs: which === "idle" ? timeout.idleMs : timeout.maxMs,
    progress: call.progress,
  };
}

/** Without a receipt's word: what fails before it was sent is a denial (invariant 6). */
function outcomeOf(call: ShownCall): string | null {
  if (call.outcome !== undefined) return call.outcome;
  if (call.stage !== "over") return null;
  return call.sentAt === 0 ? "denied" : "unknown";
}

const places = new WeakMap<RuleRef, string>();

/** `policies/prod.yaml:31`. */
function placeOf(rule: RuleRef, folder: string): string {
  let place = places.get(rule);
  if (place === undefined) {
    const within = path.relative(folder, rule.file);
    place = `${within.startsWith("..") ? rule.file : within}:${rule.line}`;
    places.set(rule, place);
  }
  return place;
}

/** What never left the queue was never sent. */
function serverMs({ sentAt, answeredAt, queuedMs, serverEra }: ShownCall): number | null {
  if (queuedMs > 0 && serverEra === undefined) return null;
  return between(sentAt + queuedMs, answeredAt);
}

function between(from: number, to: number): number | null {
  return from === 0 || to === 0 ? null : tidy(to - from);
}

/** To 10 µs: what is behind that is noise, and bytes for each watcher. */
function tidy(ms: number): number {
  return Math.round(ms * 100) / 100;
}
