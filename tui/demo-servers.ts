/** Servers of the scripted demo at any moment of it: ms before and after the moment it opens at. */

import type { LiveServer } from "../src/admin/contract.ts";
import { heldBackCount, toolCount } from "./demo-tools.ts";

/** What the script counted of the calls of a server. */
export interface Counted {
  readonly calls: number;
  readonly failed: number;
  readonly busy: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

const minute = 60_000;
const hour = 60 * minute;

/** The browser is killed at this moment, and is back a little later. */
export const browserDies = 4 * minute;
const browserBack = browserDies + 3_000;
const jiraRefusedSince = -21 * minute - 7_000;

interface Plan {
  readonly id: string;
  readonly target: string;
  readonly hello: string;
  readonly protocol: string;
  readonly maxInFlight?: number;
  readonly pid?: number;
  readonly stderr?: readonly string[];
}

const plans: readonly Plan[] = [
  {
    ...{ id: "browser", target: "npx", hello: "Playwright 1.58.2", protocol: "2025-11-25" },
    ...{ maxInFlight: 4, pid: 4_127 },
    stderr: ["Listening on stdio", "page closed: https://docs.example/start"],
  },
  {
    ...{ id: "figma", target: "https://mcp.figma.example/mcp", hello: "", protocol: "" },
  },
  {
    ...{ id: "files", target: "npx", hello: "secure-filesystem-server 2026.8.31" },
    ...{ protocol: "2025-11-25", pid: 4_098, maxInFlight: 32 },
    stderr: ["Secure MCP Filesystem Server running on stdio"],
  },
  {
    ...{ id: "github", target: "https://api.githubcopilot.com/mcp/" },
    ...{ hello: "github-mcp-server 1.4.0", protocol: "2026-07-28" },
  },
  {
    ...{ id: "jira", target: "https://mcp.jira.example/mcp", hello: "Jira 3.2.0" },
    ...{ protocol: "2026-07-28", maxInFlight: 16 },
  },
  {
    ...{ id: "memory", target: "npx", hello: "memory-server 0.6.3", protocol: "2026-07-28" },
    ...{ pid: 4_101 },
  },
  {
    ...{ id: "postgres", target: "postgres-mcp", hello: "postgres-mcp 0.9.0" },
    ...{ protocol: "2025-06-18", pid: 4_105, maxInFlight: 8 },
    stderr: ["connected to db.internal:5432/shop as reader"],
  },
  {
    ...{ id: "slack", target: "https://mcp.slack.example/mcp", hello: "Slack MCP 4.2.0" },
    protocol: "2025-11-25",
  },
];

export const serverIds: readonly string[] = plans.map(({ id }) => id);

export function eraOf(server: string): "legacy" | "modern" {
  const plan = plans.find(({ id }) => id === server);
  return plan?.protocol === "2026-07-28" ? "modern" : "legacy";
}

/** Whether a call can reach it. */
export function isUp(server: string, at: number): boolean {
  if (server === "browser") return at < browserDies || at >= browserBack;
  return server !== "jira" && server !== "figma";
}

/** `zero`: wall ms of moment 0; `at`: ms after it. */
export function serverAt(id: string, zero: number, at: number, counted: Counted): LiveServer {
  const plan = plans.find((one) => one.id === id);
  if (plan === undefined) throw new Error(`the demo has no server ${id}`);
  const stdio = plan.pid !== undefined;
  const known = plan.hello !== "";
  const state = stateAt(id, at);
  return {
    ...{ id, transport: stdio ? "stdio" : "http", target: plan.target, state: state.state },
    sinceMs: zero + state.since,
    failingSinceMs: state.trouble === null ? null : zero + state.since,
    era: known ? eraOf(id) : null,
    protocol: known ? plan.protocol : null,
    hello: known ? plan.hello : null,
    tools: toolCount(id),
    quarantined: heldBackCount(id),
    items: { prompts: 0, resources: 0, templates: 0, heldBack: 0 },
    list: null,
    ...{ busy: counted.busy, maxInFlight: plan.maxInFlight ?? 256, queued: 0, maxQueued: 256 },
    hidden: { characters: 0, items: [] },
    pid:
      stdio && isUp(id, at)
        ? (plan.pid ?? 0) + (id === "browser" && at > 0 ? restarts(at) : 0)
        : null,
    instances: [],
    unattributed: { question: 0, log: 0, answer: 0 },
    dropped: { count: 0, lastMs: null },
    nextAttemptMs: state.next === undefined ? null : zero + state.next,
    attempts: state.attempts,
    trouble: state.trouble,
    ...{ p50Ms: counted.p50Ms, p95Ms: counted.p95Ms, calls: counted.calls, failed: counted.failed },
    history: historyAt(id, at).map(([when, what]) => ({ atMs: zero + when, what })),
    stderr: plan.stderr ?? [],
  };
}

function restarts(at: number): number {
  return at >= browserBack ? 613 : 0;
}

interface State {
  readonly state: LiveServer["state"];
  readonly since: number;
  readonly next?: number;
  readonly attempts: number;
  readonly trouble: LiveServer["trouble"];
}

function stateAt(id: string, at: number): State {
  if (id === "jira") return jiraAt(at);
  // Left out by the config: that is no trouble.
  if (id === "figma") {
    return { state: "disabled", since: -2 * hour - 11 * minute, attempts: 0, trouble: null };
  }
  if (id === "browser" && at >= browserDies) {
    if (at >= browserBack) {
      return { state: "ready", since: browserBack, attempts: 0, trouble: null };
    }
    return {
      ...{ state: "backoff", since: browserDies, next: browserBack, attempts: 1 },
      trouble: {
        code: "GW_SERVER_EXITS",
        cause: killed,
        fix:
          "read its last words (authensor-gw servers show browser) and mend it; " +
          "then authensor-gw servers retry browser. " +
          "Or correct servers.browser.command, args or env, then authensor-gw reload",
        effect: "calls of 5 tools fail for 4 keys",
      },
    };
  }
  return { state: "ready", since: -2 * hour - 11 * minute, attempts: 0, trouble: null };
}

const killed = "it was ended by SIGKILL";
const refusal = "it answers HTTP 401 (invalid_token); check `headers` of the server in the config";

/** Its token ended; each minute it is tried again. */
function jiraAt(at: number): State {
  return {
    ...{ state: "backoff", since: jiraRefusedSince, next: nextTry(at), attempts: tries(at) },
    trouble: {
      code: "GW_SERVER_AUTH",
      cause: refusal,
      fix: "correct servers.jira.headers in the config, then authensor-gw reload",
      effect: "calls of 6 tools fail for 4 keys",
    },
  };
}

function nextTry(at: number): number {
  return Math.ceil((at + 1 - 12_000) / minute) * minute + 12_000;
}

function tries(at: number): number {
  return 24 + Math.round((nextTry(at) - 12_000) / minute);
}

/** Newest first. */
function historyAt(id: string, at: number): readonly (readonly [number, string])[] {
  const start = -2 * hour - 11 * minute;
  const listed = (took: number, count = toolCount(id) + heldBackCount(id)) =>
    `tools/list: ${count} in ${took} ms`;
  const hello = plans.find((one) => one.id === id)?.protocol ?? "";
  const begin = [
    [start + 214, listed(92)],
    [start + 61, `ready, ${eraOf(id)} ${hello}`],
    [start, "starting"],
  ] as const;
  if (id === "figma") return [];
  if (id === "jira") {
    const again = `backoff: ${refusal} (${tries(at)} times)`;
    return [[nextTry(at) - minute, again], ...begin];
  }
  if (id === "slack") {
    const later = [
      [7 * minute + 120, listed(88)],
      [7 * minute, "the server says that tools/list changed"],
      [-2 * minute - 3_900, listed(140)],
      [-2 * minute - 4_100, "the server says that tools/list changed"],
    ] as const;
    return [...later.filter(([when]) => when <= at), ...begin];
  }
  if (id !== "browser") return begin;
  const crash = [
    [browserBack + 340, listed(120)],
    [browserBack, "ready, legacy 2025-11-25"],
    [browserDies + 500, "starting"],
    [browserDies, `backoff: ${killed}`],
  ] as const;
  return [...crash.filter(([when]) => when <= at), ...begin];
}
