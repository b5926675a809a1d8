/** Screen 2: the servers, the sickest first, and of one of them why it is as it is. */

import type { LiveServer } from "../../src/admin/contract.ts";
import type { Field, FilterRecord } from "../../src/base/filter.ts";
import {
  amount,
  beside,
  type Cell,
  fitting,
  heading,
  type Line,
  span,
  type Tone,
  toHeight,
  toLine,
  took,
} from "../cells.ts";
import { isWide, type List, type Scene, type Screen, type Size, splitColumns } from "../screen.ts";
import { pickedAmong } from "../ui.ts";
import {
  byText,
  inOrder,
  keeper,
  listHead,
  listHeading,
  listPane,
  listRows,
  restOf,
  shifted,
} from "./list.ts";
import { lastCalls, serverLines } from "./server.ts";

const orders = ["trouble", "name", "p95", "calls", "busy"] as const;

const words = [
  ...["crash-loop", "backoff", "degraded", "starting", "ready", "idle", "disabled", "stopped"],
];

const fields: readonly Field[] = [
  { name: "name", kind: "text", searched: true, doc: "id of the server" },
  { name: "server", kind: "text", doc: "the same" },
  { name: "state", kind: "word", words, doc: "what it is in" },
  { name: "by", kind: "word", words: ["http", "stdio"], doc: "how it is reached" },
  { name: "era", kind: "word", words: ["legacy", "modern"], doc: "protocol it speaks" },
  { name: "trouble", kind: "text", searched: true, doc: "what is wrong: code, cause, effect" },
  { name: "target", kind: "text", searched: true, doc: "its address or program" },
  { name: "tools", kind: "count", doc: "tools it offers" },
  { name: "bad", kind: "count", doc: "tools that are held back" },
  { name: "busy", kind: "count", doc: "calls it has now" },
  { name: "p95", kind: "ms", doc: "95 of 100 calls took at most this long" },
];

export const servers: Screen = {
  ...{ id: "servers", digit: "2", title: "Servers", short: "Srv", orders, fields },
  troubles: (live) => live.servers.filter(({ trouble }) => trouble !== null).length,
  lists,
  view,
  detail(scene, size) {
    const { open = "" } = scene.page;
    const server = scene.live.servers.find(({ id }) => id === open);
    if (server !== undefined) return serverLines(server, scene, size, true);
    const gone = toLine([`  ${open} is no longer in the config`], size.columns);
    return toHeight([gone], size.rows, size.columns);
  },
};

function lists(scene: Scene, size: Size): readonly List[] {
  const ids = rowsOf(scene).map(({ id }) => id);
  const alone = isWide(size) || scene.page.zoom;
  const rows = alone ? Math.max(0, size.rows - listHead) : listRows(ids.length, size);
  return [{ ids, rows }];
}

function rowsOf(scene: Scene): readonly LiveServer[] {
  const keep = keeper(scene.page.filter, fields, record);
  return inOrder(scene.live.servers.filter(keep), compares, scene);
}

const compares: readonly ((a: LiveServer, b: LiveServer) => number)[] = [
  (a, b) => sickness(a) - sickness(b) || byText(a.id, b.id),
  (a, b) => byText(a.id, b.id),
  (a, b) => (b.p95Ms ?? -1) - (a.p95Ms ?? -1),
  (a, b) => b.calls - a.calls,
  (a, b) => b.busy - a.busy,
];

/** Lower is worse. */
function sickness(server: LiveServer): number {
  const rank = words.indexOf(server.state);
  if (server.trouble !== null && server.state !== "disabled") return Math.min(rank, 2);
  if (server.state === "disabled") return server.trouble === null ? 8 : 7;
  if (rank < 4) return rank;
  return isDented(server) ? 4 : 5 + (server.state === "idle" ? 1 : 0);
}

/** It answers, but not all of it is well. */
function isDented(server: LiveServer): boolean {
  return server.quarantined > 0 || server.busy >= server.maxInFlight;
}

function record(server: LiveServer): FilterRecord {
  const { trouble, target, tools, busy, era } = server;
  return {
    ...{ name: server.id, server: server.id, state: server.state, by: server.transport },
    ...{ target, tools, busy, era, bad: server.quarantined, p95: server.p95Ms },
    trouble: trouble === null ? null : `${trouble.code} ${trouble.cause} ${trouble.effect}`,
  };
}

function view(scene: Scene, size: Size): readonly Line[] {
  const rows = rowsOf(scene);
  const made = lists(scene, size);
  const { index } = pickedAmong(made, scene.page);
  const server = rows[index];
  if (isWide(size) && !scene.page.zoom) {
    const split = splitColumns(size.columns);
    const above = list(scene, rows, made, split.list);
    const rest = size.rows - above.length;
    // What is left below the list is for the calls of the picked one.
    const calls =
      server === undefined || rest < 4 ? [] : lastCalls(server, scene, split.list, rest);
    const left = toHeight([...above, ...calls], size.rows, split.list);
    return beside(left, detailOf(server, scene, { columns: split.preview, rows: size.rows }));
  }
  const shown = list(scene, rows, made, size.columns);
  if (scene.page.zoom) return toHeight(shown, size.rows, size.columns);
  const height = listHead + (made[0]?.rows ?? 0);
  const below = { columns: size.columns, rows: size.rows - height };
  return [...toHeight(shown, height, size.columns), ...detailOf(server, scene, below)];
}

function detailOf(server: LiveServer | undefined, scene: Scene, size: Size): readonly Line[] {
  if (server !== undefined) return serverLines(server, scene, size, false);
  return toHeight([heading("no server is picked", "", size.columns)], size.rows, size.columns);
}

function list(
  scene: Scene,
  rows: readonly LiveServer[],
  made: readonly List[],
  width: number,
): readonly Line[] {
  const all = scene.live.servers.length;
  const count = rows.length === all ? `Servers ${all}` : `Servers ${rows.length} of ${all}`;
  const wide = width >= 96;
  const columns: readonly Cell[] = [
    { text: "", width: 1 },
    { text: "NAME", width: nameWidth(width) },
    { text: "BY", width: 5 },
    { text: "STATE", width: 10 },
    { text: "SINCE", width: wide ? 6 : 0, align: "right" },
    { text: "PROTOCOL", width: width >= 76 ? 10 : 0 },
    { text: "TOOLS", width: 7, align: "right" },
    { text: "BUSY", width: 4, align: "right" },
    { text: "P95", width: 6, align: "right" },
    { text: "FAILED", width: wide ? 7 : 0, align: "right" },
    { text: "TROUBLE" },
  ];
  const pane = {
    heading: listHeading(count, "", orders, scene, width),
    columns,
    items: rows,
    row: (server: LiveServer) => rowCells(server, scene, columns, restOf(columns, width)),
    none:
      all === 0
        ? "no servers: add some under `servers` in the config"
        : "the filter lets none through",
  };
  return listPane(pane, made, 0, scene, width);
}

function nameWidth(width: number): number {
  return width >= 96 ? 16 : width >= 76 ? 12 : 10;
}

function rowCells(
  server: LiveServer,
  scene: Scene,
  columns: readonly Cell[],
  room: number,
): readonly Cell[] {
  const tone = stateTone(server);
  const texts: readonly (string | Cell)[] = [
    { text: mark(server), tone: tone === "ok" && isDented(server) ? "warn" : tone },
    server.id,
    server.transport,
    { text: server.state, tone },
    span(scene.now - (server.failingSinceMs ?? server.sinceMs)),
    server.protocol ?? "-",
    toolsText(server),
    server.busy >= server.maxInFlight
      ? { text: amount(server.busy), tone: "warn" }
      : amount(server.busy),
    server.p95Ms === null ? "-" : took(server.p95Ms),
    server.failed === 0 ? "-" : { text: amount(server.failed), tone: "warn" },
    {
      text: shifted(troubleText(server, scene, room), scene),
      tone: tone === "ok" ? "dim" : tone,
    },
  ];
  return texts.map((text, at): Cell => {
    const cell = typeof text === "string" ? { text } : text;
    return { ...columns[at], ...cell };
  });
}

/** `5+2 bad`: what is offered, and what is held back. */
function toolsText({ tools, quarantined }: LiveServer): string {
  return quarantined === 0 ? amount(tools) : `${tools}+${quarantined}bad`;
}

/** The most that fits whole; the detail has all of it. */
function troubleText(server: LiveServer, scene: Scene, room: number): string {
  const { trouble, nextAttemptMs, quarantined } = server;
  if (trouble !== null) {
    const { link } = scene.live;
    const from = link.state === "lost" ? link.heardMs : scene.now;
    const retry = nextAttemptMs === null ? "" : `retry ${span(nextAttemptMs - from)}: `;
    const { cause } = trouble;
    const short = shortTrouble[trouble.code] ?? trouble.code.replace(/^GW_(SERVER_)?/, "");
    return fitting([`${retry}${cause}`, cause, `${retry}${short}`, short], room);
  }
  if (server.busy >= server.maxInFlight) return fitting(fullTexts(server), room);
  return quarantined === 0 ? "" : "tools held back";
}

function fullTexts({ queued, maxQueued }: LiveServer): readonly string[] {
  if (queued >= maxQueued) return ["full: more calls are refused", "full: refuses", "full"];
  return [`full: ${amount(queued)} calls wait for their turn`, `full: ${amount(queued)} wait`];
}

/** At most 15 columns, which is what 80 leave. */
const shortTrouble: Readonly<Record<string, string>> = {
  GW_SERVER_AUTH: "key refused",
  GW_SERVER_COMMAND: "cannot start",
  GW_SERVER_DISABLED: "disabled",
  GW_SERVER_EMPTY: "lists nothing",
  GW_SERVER_EXITS: "it ended",
  GW_SERVER_HTTP: "no MCP there",
  GW_SERVER_HUNG: "does not answer",
  GW_SERVER_LIST: "list failed",
  GW_SERVER_NAME: "no such host",
  GW_SERVER_PROTOCOL: "no handshake",
  GW_SERVER_REFUSED: "nobody listens",
  GW_SERVER_ROUTE: "no route",
  GW_SERVER_SILENT: "no connection",
  GW_TLS: "bad certificate",
  GW_UPSTREAM_DOWN: "not reachable",
  GW_UPSTREAM_ERROR: "answers wrong",
  GW_UPSTREAM_FAILING: "calls refused",
};

export function stateTone({ state, trouble }: Pick<LiveServer, "state" | "trouble">): Tone {
  if (["disabled", "stopped", "idle"].includes(state)) return "dim";
  if (state === "ready" && trouble === null) return "ok";
  return state === "starting" || state === "degraded" || state === "ready" ? "warn" : "bad";
}

function mark(server: LiveServer): string {
  if (["disabled", "stopped", "idle"].includes(server.state)) return "○";
  if (server.state !== "ready" || server.trouble !== null) return "▲";
  return isDented(server) ? "!" : "●";
}
