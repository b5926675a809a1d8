/**
 * Calls of the scripted demo: who calls what, how long it takes, how it ends. Every number comes
 * from a seed, so that the same moment of the script is always the same picture.
 */

import type { LiveCall } from "../src/admin/contract.ts";
import { type DemoRuleId, demoRules, ruleAt } from "./demo-tools.ts";

/** `nothing`: no rule is about it. */
type Verdict = DemoRuleId | "nothing";

/** One kind of call. */
export interface Kind {
  readonly tool: string;
  readonly key: keyof typeof callers;
  readonly rule: Verdict;
  /** Of a thousand calls. */
  readonly share: number;
  /** Usual ms at the server. */
  readonly ms: number;
  readonly args: number;
  readonly result: number;
}

/** Who calls: what it says of itself, and what it speaks. */
const callers = {
  "claude-code": { client: "claude-code/2.4.1", session: "", in: "modern", protocol: "2026-07-28" },
  "ci-bot": {
    client: "ci-runner/1.9.0",
    session: "5e1f09c27ab3d410",
    in: "legacy",
    protocol: "2025-11-25",
  },
  "support-bot": {
    client: "langchain-mcp/0.9.2",
    session: "c07d41b6f2e8395a",
    in: "legacy",
    protocol: "2025-06-18",
  },
  "agent-7": { client: "", session: "1b90c6dd84f7e235", in: "legacy", protocol: "2025-03-26" },
} as const;

const kind = (
  [tool, key, rule]: readonly [string, Kind["key"], Verdict],
  [share, ms, args, result]: readonly [number, number, number, number],
): Kind => ({ tool, key, rule, share, ms, args, result });

export const kinds: readonly Kind[] = [
  kind(["files/read_file", "claude-code", "read-ok"], [210, 11, 58, 4_120]),
  kind(["files/list_directory", "claude-code", "read-ok"], [60, 8, 44, 1_310]),
  kind(["files/edit_file", "claude-code", "work-files"], [50, 14, 912, 240]),
  kind(["github/list_issues", "claude-code", "read-ok"], [70, 210, 71, 18_400]),
  kind(["github/get_issue", "support-bot", "read-ok"], [60, 160, 64, 6_020]),
  kind(["github/search_code", "claude-code", "read-ok"], [40, 640, 88, 22_700]),
  kind(["postgres/query", "ci-bot", "read-only-sql"], [150, 46, 143, 2_840]),
  kind(["postgres/list_tables", "ci-bot", "read-ok"], [20, 12, 20, 980]),
  kind(["slack/list_channels", "support-bot", "read-ok"], [40, 120, 2, 5_300]),
  kind(["slack/get_thread", "support-bot", "read-ok"], [50, 91, 66, 3_900]),
  kind(["memory/search_nodes", "claude-code", "notes"], [90, 4, 39, 1_150]),
  kind(["memory/add_observations", "claude-code", "notes"], [30, 5, 320, 90]),
  kind(["browser/navigate", "agent-7", "browse"], [30, 900, 61, 210]),
  kind(["browser/get_text", "agent-7", "browse"], [34, 70, 28, 9_800]),
  kind(["github/delete_repository", "claude-code", "no-delete"], [6, 0, 47, 0]),
  kind(["files/write_file", "agent-7", "workdir-only"], [10, 0, 2_310, 0]),
  kind(["slack/post_message", "support-bot", "ask-before-post"], [12, 0, 133, 0]),
  kind(["github/push_files", "ci-bot", "nothing"], [8, 0, 8_040, 0]),
  kind(["jira/search_issues", "support-bot", "read-ok"], [30, 3, 92, 0]),
];

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pickKind(random: () => number): Kind {
  const total = kinds.reduce((sum, { share }) => sum + share, 0);
  let left = random() * total;
  for (const one of kinds) {
    left -= one.share;
    if (left < 0) return one;
  }
  return kinds[0]!;
}

/** How a call that was sent ends. */
export interface End {
  readonly outcome: string;
  readonly code: string | null;
  readonly why: string | null;
}

export const endedWell: End = { outcome: "ok", code: null, why: null };

/** A call that was just decided; `startedMs` is wall time. */
export function begin(no: number, what: Kind, startedMs: number, receipt: string): LiveCall {
  const { tool, key, rule } = what;
  const caller = callers[key];
  return {
    ...{ id: `c-${no}`, tool, server: tool.slice(0, tool.indexOf("/")), key },
    ...{ client: caller.client, session: caller.session, protocol: caller.protocol },
    era: { in: caller.in, out: null },
    ...{ startedMs, stage: "intent", stageMs: startedMs, deadline: null },
    decision: decisionOf(rule),
    ...{ outcome: null, code: null, why: null, receipt, argsBytes: what.args },
    ...{ resultBytes: 0, dropped: 0 },
    tookMs: null,
    timings: { decide: 0.3, intent: null, queue: null, server: null, outcome: null },
  };
}

function decisionOf(rule: Verdict): LiveCall["decision"] {
  if (rule === "nothing") {
    return { effect: "deny", rule: null, at: null, code: "GW_NO_RULE", hint: null };
  }
  const found: { effect: "allow" | "ask" | "deny"; hint?: string } = demoRules[rule];
  const code = { allow: null, ask: "GW_ASK", deny: "GW_DENIED" }[found.effect];
  const hint = found.effect === "allow" ? null : (found.hint ?? null);
  return { effect: found.effect, rule, at: ruleAt(rule), code, hint };
}

/** Refused before it was sent: only the decision and its receipt took time. */
export function refused(call: LiveCall, tookMs: number): LiveCall {
  const code = call.decision?.code ?? null;
  const timings = { ...call.timings, decide: round(tookMs * 0.4) };
  const stageMs = call.startedMs + Math.round(tookMs);
  return { ...call, stage: "over", stageMs, outcome: "denied", code, tookMs, timings };
}

export function sent(call: LiveCall, eraOut: "legacy" | "modern"): LiveCall {
  const timings = { ...call.timings, intent: 0.9 };
  return {
    ...call,
    ...{ stage: "server", stageMs: call.startedMs + 1, timings },
    era: { in: call.era.in, out: eraOut },
  };
}

/** After `serverMs` at the server. */
export function over(call: LiveCall, end: End, serverMs: number, resultBytes: number): LiveCall {
  const timings = { ...call.timings, server: round(serverMs), outcome: 0.7 };
  const tookMs = round(0.3 + 0.9 + serverMs + 0.7);
  const stageMs = call.startedMs + Math.round(tookMs);
  return {
    ...call,
    ...{ stage: "over", stageMs, deadline: null, ...end, resultBytes, tookMs, timings },
  };
}

/** Nothing was sent: the server is away. */
export function away(call: LiveCall): LiveCall {
  const why = `Cannot reach "${call.server}"`;
  const end = { outcome: "upstream_down", code: "GW_UPSTREAM_DOWN", why };
  const ended = over(call, end, 2.1, 0);
  return { ...ended, era: { in: call.era.in, out: null } };
}

export function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
