/** The rows of the Tools screen: what the gateway lists, with the calls that were seen of each. */

import type { ListedTool, LiveCall, LiveServer } from "../src/admin/contract.ts";
import type { Live } from "./live.ts";

/** Worst first. `missing` stands for all tools of a server of which none is known. */
export const toolStates = [
  ...(["bad", "missing", "down", "hidden", "ask", "if-args", "shown", "offered"] as const),
];

export type ToolState = (typeof toolStates)[number];

export interface ToolRow {
  /** `server/tool`; `server/*` for a server whose tools are not known. */
  readonly id: string;
  readonly server: string;
  readonly state: ToolState;
  /** The state as the screen says it. */
  readonly word: string;
  /** Why it is missing or down; null elsewhere. */
  readonly why: string | null;
  /** undefined: a server whose tools are not known. */
  readonly tool: ListedTool | undefined;
  /** Of the ended calls that are kept here. */
  readonly calls: number;
  readonly p95Ms: number | null;
}

/** Of the last calls: more would cost more than the column is worth. */
const callsCounted = 2_000;

interface Made {
  readonly tools: Live["answers"]["tools"];
  readonly servers: Live["servers"];
  readonly recent: Live["recent"];
  readonly rows: readonly ToolRow[];
}

/** The last answer: pictures share their parts while nothing changed. */
let made: Made | undefined;

export function toolRows({ answers, servers, recent }: Live): readonly ToolRow[] {
  const { tools } = answers;
  if (made?.tools === tools && made?.servers === servers && made?.recent === recent) {
    return made.rows;
  }
  const listed = tools?.state === "here" ? tools.value : [];
  const took = tookByTool(recent);
  const byId = new Map(servers.map((server) => [server.id, server]));
  const rows = listed.map((tool) => toolRow(tool, byId, took.get(tool.tool) ?? []));
  const known = new Set(rows.map(({ server }) => server));
  const missing =
    tools?.state === "here" ? servers.filter(({ id }) => !known.has(id)).map(missingRow) : [];
  made = { tools, servers, recent, rows: [...rows, ...missing] };
  return made.rows;
}

function toolRow(
  tool: ListedTool,
  servers: ReadonlyMap<string, LiveServer>,
  took: readonly number[],
): ToolRow {
  const slash = tool.tool.indexOf("/");
  const server = slash < 0 ? "" : tool.tool.slice(0, slash);
  const away = awayReason(servers.get(server));
  const state = stateOf(tool, away !== null);
  const sorted = [...took].sort((a, b) => a - b);
  return {
    ...{ id: tool.tool, server, state, word: words[state], tool, calls: took.length },
    why: state === "down" ? away : null,
    p95Ms: sorted[Math.floor(sorted.length * 0.95)] ?? null,
  };
}

const words: Readonly<Record<ToolState, string>> = {
  ...{ bad: "BAD", missing: "MISSING", down: "DOWN", hidden: "HIDDEN" },
  ...{ ask: "shown+ask", "if-args": "if args", shown: "shown", offered: "offered" },
};

function stateOf({ held_back, visible, by }: ListedTool, away: boolean): ToolState {
  if (held_back !== null) return "bad";
  if (visible === "deny") return "hidden";
  if (away) return "down";
  if (visible === null) return "offered";
  if (visible === "allow") return "shown";
  return by.length > 0 && by.every(({ effect }) => effect === "ask") ? "ask" : "if-args";
}

/** Why calls of its tools fail now; null where they do not. */
function awayReason(server: LiveServer | undefined): string | null {
  if (server === undefined || ["ready", "degraded", "idle"].includes(server.state)) return null;
  return `server is ${server.state}${server.trouble === null ? "" : `: ${server.trouble.cause}`}`;
}

function missingRow(server: LiveServer): ToolRow {
  const why = awayReason(server) ?? `server is ${server.state} and offers none`;
  return {
    ...{ id: `${server.id}/*`, server: server.id, state: "missing", word: words.missing, why },
    ...{ tool: undefined, calls: 0, p95Ms: null },
  };
}

function tookByTool(recent: readonly LiveCall[]): ReadonlyMap<string, number[]> {
  const found = new Map<string, number[]>();
  for (const call of recent.slice(0, callsCounted)) {
    const its = found.get(call.tool);
    if (its === undefined) found.set(call.tool, [call.tookMs ?? 0]);
    else its.push(call.tookMs ?? 0);
  }
  return found;
}
