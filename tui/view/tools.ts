/** Screen 3: every tool of every server as one key sees it, and by which rule. */

import type { ListedTool } from "../../src/admin/contract.ts";
import type { Field, FilterRecord } from "../../src/base/filter.ts";
import { amount, beside, type Cell, heading, type Line, toHeight, toLine, took } from "../cells.ts";
import type { Live } from "../live.ts";
import { isWide, type List, type Scene, type Screen, type Size, splitColumns } from "../screen.ts";
import { type ToolRow, toolRows, toolStates } from "../tool-rows.ts";
import { pickedAmong } from "../ui.ts";
import {
  byText,
  inOrder,
  keeper,
  listHead,
  listHeading,
  listPane,
  listRows,
  shifted,
} from "./list.ts";
import { decidedText, stateTone, toolLines } from "./tool.ts";

const orders = ["tool", "state", "calls", "p95"] as const;

const fields: readonly Field[] = [
  { name: "tool", kind: "text", searched: true, doc: "server/tool" },
  { name: "server", kind: "text", doc: "id of the server" },
  { name: "name", kind: "text", searched: true, doc: "name that agents use" },
  { name: "state", kind: "word", words: [...toolStates], doc: "what becomes of it" },
  { name: "rule", kind: "text", searched: true, doc: "rules that decide it" },
  { name: "arg", kind: "text", doc: "names of its arguments" },
  { name: "why", kind: "text", searched: true, doc: "why it is held back" },
  { name: "calls", kind: "count", doc: "calls seen here" },
  { name: "p95", kind: "ms", doc: "95 of 100 calls took at most this long" },
];

export const tools: Screen = {
  ...{ id: "tools", digit: "3", title: "Tools", short: "Tool", orders, fields },
  troubles: (live) => listed(live).filter(({ held_back }) => held_back !== null).length,
  lists,
  view,
  detail(scene, size) {
    const { open = "" } = scene.page;
    const row = toolRows(scene.live).find(({ id }) => id === open);
    if (row !== undefined) return toolLines(row, scene, size, true);
    return toHeight(
      [toLine([`  ${open} is no longer listed`], size.columns)],
      size.rows,
      size.columns,
    );
  },
};

function listed({ answers }: Live): readonly ListedTool[] {
  return answers.tools?.state === "here" ? answers.tools.value : [];
}

function lists(scene: Scene, size: Size): readonly List[] {
  const ids = rowsOf(scene).map(({ id }) => id);
  const alone = isWide(size) || scene.page.zoom;
  const rows = alone ? Math.max(0, size.rows - listHead) : listRows(ids.length, size);
  return [{ ids, rows }];
}

interface Made {
  readonly of: readonly ToolRow[];
  readonly how: string;
  readonly rows: readonly ToolRow[];
}

/** The last answer: reducer and view ask for the same rows several times a picture. */
let made: Made = { of: [], how: "", rows: [] };

function rowsOf(scene: Scene): readonly ToolRow[] {
  const { order, reverse, filter, hidden } = scene.page;
  const all = toolRows(scene.live);
  const how = `${order} ${reverse} ${hidden} ${filter}`;
  if (made.of === all && made.how === how) return made.rows;
  const keep = keeper(filter, fields, record);
  const shown = all.filter((row) => (!hidden || row.state !== "hidden") && keep(row));
  made = { of: all, how, rows: inOrder(shown, compares, scene) };
  return made.rows;
}

const compares: readonly ((a: ToolRow, b: ToolRow) => number)[] = [
  (a, b) => byText(a.id, b.id),
  (a, b) => toolStates.indexOf(a.state) - toolStates.indexOf(b.state) || byText(a.id, b.id),
  (a, b) => b.calls - a.calls || byText(a.id, b.id),
  (a, b) => (b.p95Ms ?? -1) - (a.p95Ms ?? -1) || byText(a.id, b.id),
];

function record(row: ToolRow): FilterRecord {
  const { id, tool, server, state, calls, p95Ms } = row;
  return {
    ...{ tool: id, server, state, calls, p95: p95Ms },
    name: tool?.exposed ?? null,
    rule: tool === undefined ? null : tool.by.map(({ rule }) => rule).join(" "),
    arg: tool === undefined ? null : tool.declared.join(" "),
    why: tool?.held_back ?? row.why,
  };
}

function view(scene: Scene, size: Size): readonly Line[] {
  const rows = rowsOf(scene);
  const panes = lists(scene, size);
  const row = rows[pickedAmong(panes, scene.page).index];
  if (isWide(size) && !scene.page.zoom) {
    const split = splitColumns(size.columns);
    const left = toHeight(list(scene, rows, panes, split.list), size.rows, split.list);
    return beside(left, detailOf(row, scene, { columns: split.preview, rows: size.rows }));
  }
  const shown = list(scene, rows, panes, size.columns);
  if (scene.page.zoom) return toHeight(shown, size.rows, size.columns);
  const height = listHead + (panes[0]?.rows ?? 0);
  const below = { columns: size.columns, rows: size.rows - height };
  return [...toHeight(shown, height, size.columns), ...detailOf(row, scene, below)];
}

function detailOf(row: ToolRow | undefined, scene: Scene, size: Size): readonly Line[] {
  if (row !== undefined) return toolLines(row, scene, size, false);
  return toHeight([heading("no tool is picked", "", size.columns)], size.rows, size.columns);
}

function list(
  scene: Scene,
  rows: readonly ToolRow[],
  panes: readonly List[],
  width: number,
): readonly Line[] {
  const wide = width >= 96;
  const columns: readonly Cell[] = [
    { text: "SERVER/TOOL", width: wide ? 34 : width >= 76 ? 29 : 24 },
    { text: "STATE", width: 9 },
    { text: "DECIDED BY", width: Math.max(10, width - (wide ? 62 : width >= 76 ? 57 : 52)) },
    { text: "CALLS", width: 6, align: "right" },
    { text: "P95", width: 6, align: "right" },
  ];
  const pane = {
    heading: listHeading(countText(scene, rows.length), asText(scene), orders, scene, width),
    columns,
    items: rows,
    row: (row: ToolRow) => rowCells(row, scene, columns),
    none: noneText(scene),
  };
  return listPane(pane, panes, 0, scene, width);
}

/** `Tools 47: 30 shown, 15 hidden, 2 bad`, and what of it is on the screen. */
function countText({ live, page }: Scene, shown: number): string {
  const all = toolRows(live);
  const count = (...states: readonly string[]) =>
    all.filter(({ state }) => states.includes(state)).length;
  const parts = [
    [count("shown", "if-args", "ask", "offered"), "shown"],
    [count("hidden"), "hidden"],
    [count("bad"), "bad"],
    [count("down", "missing"), "down"],
  ] as const;
  const words = parts.filter(([many]) => many > 0).map(([many, word]) => `${many} ${word}`);
  const part = shown === all.length ? "" : `${shown} of `;
  const left = page.hidden ? "; i shows all" : "";
  return `Tools ${part}${all.length}${words.length === 0 ? "" : `: ${words.join(", ")}`}${left}`;
}

function asText({ live }: Scene): string {
  const { toolsFor } = live.answers;
  return `as ${toolsFor === "" ? "nobody" : toolsFor}, v next`;
}

function noneText({ live, page }: Scene): string {
  const { tools: answer } = live.answers;
  if (answer === undefined || answer.state === "waiting") return "asking the gateway";
  if (answer.state === "failed") return `the gateway did not say: ${answer.why}`;
  if (page.filter !== "" || page.hidden) return "none that is let through";
  return "no server offers a tool: screen 2 says why";
}

function rowCells(row: ToolRow, scene: Scene, columns: readonly Cell[]): readonly Cell[] {
  const tone = stateTone(row.state);
  const cells: readonly Cell[] = [
    { text: shifted(row.id, scene) },
    { text: row.word, tone },
    { text: decidedText(row), tone: tone === "ok" ? "plain" : tone },
    { text: row.calls === 0 ? "-" : amount(row.calls) },
    { text: row.p95Ms === null ? "-" : took(row.p95Ms) },
  ];
  return cells.map((cell, at) => ({ ...columns[at], ...cell }));
}
