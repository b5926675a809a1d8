/**
 * Half an hour of a gateway that never was: eight servers, one with a token that ended, calls that
 * hang, are denied, time out, a database that goes away and comes back. Deterministic: the same
 * seed and moment give the same snapshot and batches, on every machine.
 */

import type { LiveBatch, LiveCall, LiveGateway, LiveSnapshot } from "../src/admin/contract.ts";
import {
  away,
  begin,
  type End,
  endedWell,
  type Kind,
  kinds,
  over,
  pickKind,
  randomFrom,
  refused,
  round,
  sent,
} from "./demo-calls.ts";
import { gaugesAt } from "./demo-gauges.ts";
import { eraOf, isUp, serverAt, serverIds } from "./demo-servers.ts";
import { demoData, demoFolder } from "./demo-tools.ts";

export interface Script {
  /** Plays on to `at`, ms after the demo opens, and says what changed on the way. */
  advance(at: number): LiveBatch;
  snapshot(): LiveSnapshot;
}

const minute = 60_000;
/** It plays this long before it opens, so that there are calls to show. */
const warmUp = 10 * minute;
export const scriptLength = 30 * minute;
const callsPerSecond = 4;
/** Ended calls that a snapshot has, as a gateway's. */
const keptCalls = 500;
/** Wall time of moment 0: 22 November 2026, 14:22:07 UTC. */
export const demoZero = Date.UTC(2026, 10, 22, 14, 22, 7);
/** The gateway runs for 3 days and 2 hours then. */
const startedMs = demoZero - (3 * 24 + 2) * 60 * minute - 14_000;

/** A call at its server, and how that will end. */
interface Running {
  call: LiveCall;
  readonly endsAt: number;
  readonly end: End;
  readonly resultBytes: number;
  /** ms between two signs of progress; 0: none. */
  readonly progressEvery: number;
}

interface Tally {
  calls: number;
  failed: number;
  took: number[];
}

/** `seed`: another one, other calls. */
export function createScript(seed = 1): Script {
  const random = randomFrom(seed);
  const running = new Map<string, Running>();
  const ended: LiveCall[] = [];
  const tallies = new Map<string, Tally>();
  let [at, no, seq, batch] = [-warmUp, 41_800, 36_213, 0];
  let arrivesAt = at;
  let plots = plotsFrom(at);
  let jitter = 0.4;
  let [second, inSecond, badInSecond] = [Math.floor(at / 1000), 0, 0];
  let rate = { calls: callsPerSecond, errors: 0 };
  const changed = new Map<string, LiveCall>();
  const touched = new Set<string>(serverIds);

  function put(call: LiveCall): void {
    changed.set(call.id, call);
    if (call.stage !== "over") return;
    ended.push(call);
    if (ended.length > keptCalls) ended.shift();
    inSecond += 1;
    if (isError(call)) badInSecond += 1;
    tally(tallies, call);
    touched.add(call.server);
  }

  function arrive(when: number, what: Kind, plot?: Plot): void {
    no += 1;
    seq += 2;
    const call = begin(no, what, demoZero + when, `r-5c09d1e7a24b-${seq}`);
    const refusal = refusalOf(call, when);
    if (refusal !== undefined) {
      put(refusal);
      return;
    }
    const ms = plot?.ms ?? what.ms * (0.6 + 0.5 * random() + (random() < 0.05 ? 3 : 0));
    const end = plot?.end ?? usualEnd(what, random());
    const deadline = plot?.deadline;
    running.set(call.id, {
      call: {
        ...sent(call, eraOf(call.server)),
        deadline: deadlineOf(call, deadline ?? [call.server, 60_000]),
      },
      endsAt: when + 1 + ms,
      end,
      resultBytes: end.outcome === "ok" ? Math.round(what.result * (0.5 + random())) : 0,
      progressEvery: plot?.progressEvery ?? 0,
    });
    touched.add(call.server);
    put(running.get(call.id)!.call);
  }

  /** A call that is not sent. */
  function refusalOf(call: LiveCall, when: number): LiveCall | undefined {
    if (call.decision?.effect !== "allow") return refused(call, round(0.5 + random()));
    return isUp(call.server, when) ? undefined : away(call);
  }

  /** One step of at most 100 ms. */
  function step(to: number): void {
    for (; arrivesAt <= to; arrivesAt += (-Math.log(1 - random()) / callsPerSecond) * 1000) {
      if (arrivesAt > at) arrive(Math.round(arrivesAt), pickKind(random));
    }
    for (const plot of plots.filter((one) => one.at <= to)) arrive(plot.at, kindOf(plot), plot);
    plots = plots.filter((one) => one.at > to);
    for (const [id, one] of running) {
      if (one.endsAt <= to) {
        running.delete(id);
        const serverMs = one.endsAt - (one.call.startedMs - demoZero) - 1;
        put(over(one.call, one.end, serverMs, one.resultBytes));
      } else if (one.progressEvery > 0) {
        const progressed = progress(one, to);
        if (progressed === undefined) continue;
        one.call = progressed;
        put(progressed);
      }
    }
    at = to;
    if (Math.floor(at / 1000) === second) return;
    second = Math.floor(at / 1000);
    rate = { calls: inSecond, errors: badInSecond };
    [inSecond, badInSecond, jitter] = [0, 0, random()];
  }

  const servers = (ids: Iterable<string>) =>
    [...ids].map((id) => serverAt(id, demoZero, at, countedOf(tallies.get(id), id, running)));
  const gauges = () =>
    gaugesAt(
      at,
      {
        ...{ callsPerSecond: rate.calls, errorsPerSecond: rate.errors, inFlight: running.size },
        recordsPerSecond: 2 * callsPerSecond,
      },
      jitter,
    );

  function play(to: number): void {
    while (at < to) step(Math.min(to, at + 100));
  }

  play(0);
  changed.clear();
  return {
    advance(to) {
      const before = { second, fault: faultAt(at) };
      play(Math.min(to, scriptLength));
      const ticked = second !== before.second;
      const fault = faultAt(at);
      batch += 1;
      const made: LiveBatch = {
        ...{ seq: batch, now: demoZero + at, calls: [...changed.values()] },
        ...(ticked ? { gauges: gauges(), servers: servers(serverIds) } : {}),
        ...(fault === before.fault ? {} : { gateway: gatewayWith(fault) }),
      };
      changed.clear();
      return made;
    },
    snapshot: () => ({
      ...{ seq: batch, now: demoZero + at, gateway: gatewayWith(faultAt(at)) },
      servers: servers(serverIds),
      calls: [...[...running.values()].map(({ call }) => call), ...ended],
      gauges: gauges(),
    }),
  };
}

/** A call that is in the script, not drawn by lot. */
interface Plot {
  readonly at: number;
  readonly tool: string;
  readonly ms: number;
  readonly end: End;
  /** Setting without `.idle`, and its limit. */
  readonly deadline: readonly [setting: string, ms: number];
  readonly progressEvery?: number;
}

function silent(tool: string, seconds: number): End {
  const why = `"${tool}" gave no sign of life for ${seconds} s`;
  return { outcome: "timeout", code: "GW_TIMEOUT_IDLE", why };
}

/** Seen from the moment the demo opens: three calls are at their servers, one of them hangs. */
function plotsFrom(first: number): readonly Plot[] {
  const plots: Plot[] = [];
  for (let round = Math.ceil(first / (5 * minute)); round * 5 * minute < scriptLength; round++) {
    const from = round * 5 * minute;
    plots.push(
      {
        ...{ at: from - 21_400, tool: "github/create_issue", ms: 30_000 },
        ...{ end: silent("github/create_issue", 30), deadline: ["github", 30_000] },
      },
      {
        ...{ at: from - 2_100, tool: "postgres/query", ms: 3_600, end: endedWell },
        deadline: ["postgres", 10_000],
      },
      {
        ...{ at: from - 74_000, tool: "files/search_files", ms: 118_000, end: endedWell },
        ...{ deadline: ["files.tools.search_files", 60_000], progressEvery: 2_500 },
      },
      {
        ...{ at: from - 41_000, tool: "slack/search_messages", ms: 30_000 },
        ...{ end: silent("slack/search_messages", 30), deadline: ["slack", 30_000] },
      },
    );
  }
  return plots.filter((one) => one.at > first).sort((a, b) => a.at - b.at);
}

function kindOf({ tool }: Plot): Kind {
  const usual = kinds.find((one) => one.tool === tool);
  if (usual !== undefined) return usual;
  const rule = tool === "github/create_issue" ? "issues-ok" : "read-ok";
  const key = tool.startsWith("slack/") ? "support-bot" : "claude-code";
  return { ...{ tool, key, rule, share: 0, ms: 0 }, args: 412, result: 9_300 };
}

function deadlineOf(
  call: LiveCall,
  [server, limitMs]: readonly [string, number],
): LiveCall["deadline"] {
  const atMs = call.startedMs + 1 + limitMs;
  return { atMs, which: "idle", setting: `servers.${server}.timeout.idle`, limitMs, progress: 0 };
}

/** The call after the progress it made up to `to`; undefined: none since. */
function progress({ call, progressEvery }: Running, to: number): LiveCall | undefined {
  const { deadline, startedMs } = call;
  const count = Math.floor((demoZero + to - startedMs) / progressEvery);
  if (deadline === null || count <= deadline.progress) return undefined;
  const atMs = startedMs + count * progressEvery + deadline.limitMs;
  return { ...call, deadline: { ...deadline, progress: count, atMs } };
}

/** Most calls end well; some tools fail in their own way. */
function usualEnd({ tool }: Kind, chance: number): End {
  const toolError = { outcome: "tool_error", code: null, why: null };
  if (chance < 0.03) return toolError;
  if (tool.startsWith("github/") && chance > 0.993) {
    return { outcome: "cancelled", code: null, why: null };
  }
  if (tool.startsWith("browser/") && chance > 0.97) {
    const why = '"browser" has 4 calls in flight';
    return { outcome: "limited", code: "GW_UPSTREAM_BUSY", why };
  }
  return endedWell;
}

function isError({ outcome }: LiveCall): boolean {
  return ["timeout", "upstream_down", "upstream_error", "tool_error", "limited"].includes(
    outcome ?? "",
  );
}

function tally(tallies: Map<string, Tally>, call: LiveCall): void {
  if (call.outcome === "denied") return;
  const its = tallies.get(call.server) ?? { calls: 0, failed: 0, took: [] };
  its.calls += 1;
  if (call.outcome === "timeout" || call.outcome === "upstream_down") its.failed += 1;
  if (call.timings.server !== null && call.outcome !== "upstream_down") {
    its.took.push(call.timings.server);
    if (its.took.length > 500) its.took.shift();
  }
  tallies.set(call.server, its);
}

function countedOf(its: Tally | undefined, id: string, running: ReadonlyMap<string, Running>) {
  const busy = [...running.values()].filter(({ call }) => call.server === id).length;
  if (its === undefined) return { calls: 0, failed: 0, busy, p50Ms: null, p95Ms: null };
  const sorted = [...its.took].sort((a, b) => a - b);
  const part = (share: number) => {
    const value = sorted[Math.floor(sorted.length * share)];
    return value === undefined ? null : Math.round(value * 10) / 10;
  };
  const { calls, failed } = its;
  return { calls, failed, busy, p50Ms: part(0.5), p95Ms: part(0.95) };
}

const unknownKey = 'A rule has no key "hnt" (did you mean "hint"?)';

/** For a minute the policy's file does not load: the old one stays in force. */
function faultAt(at: number): string | null {
  if (at < 17 * minute || at >= 18 * minute) return null;
  return `Cannot load the policy: 1 problem; ${demoFolder}/policies/prod.yaml:31:5 ${unknownKey}`;
}

function gatewayWith(fault: string | null): LiveGateway {
  return {
    ...{ version: "0.1.0", pid: 4_071, startedMs, listen: ["http://localhost:3100"] },
    config: `${demoFolder}/authensor-gw.yaml`,
    dataDir: demoData,
    policy: {
      hash: "9c41e07d52b6a8f13e90c4d7b8a1f2650d3e7c94ab18f6025de3917ac4b0e2d8",
      ...{ files: [`${demoFolder}/policies/prod.yaml`], rules: 9 },
    },
    reload: { readMs: startedMs, fault, restart: [] },
    logLevel: "info",
  };
}
